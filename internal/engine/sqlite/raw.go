package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// A raw is an in-memory database under the library's own interface, for what
// the driver does not pass on: the place of an error, and compiling a statement
// without running it. It is for one goroutine.
type raw struct {
	tls *libc.TLS
	db  uintptr
}

// A rawError is the library's error with its place.
type rawError struct {
	message string
	offset  int // in bytes of the statement, -1 for none
}

func (e *rawError) Error() string { return e.message }

func openRaw() (*raw, error) {
	r := &raw{tls: libc.NewTLS()}
	name, err := libc.CString(":memory:")
	if err != nil {
		r.tls.Close()
		return nil, fmt.Errorf("open a database in memory: %w", err)
	}
	defer libc.Xfree(r.tls, name)
	var pin runtime.Pinner
	defer pin.Unpin()
	db := new(uintptr)
	pin.Pin(db)
	rc := lib.Xsqlite3_open_v2(r.tls, name, uintptr(unsafe.Pointer(db)), lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_CREATE|lib.SQLITE_OPEN_FULLMUTEX|lib.SQLITE_OPEN_MEMORY, 0)
	r.db = *db
	if rc != lib.SQLITE_OK {
		r.close()
		return nil, fmt.Errorf("open a database in memory: code %d", rc)
	}
	lib.Xsqlite3_limit(r.tls, r.db, lib.SQLITE_LIMIT_ATTACHED, 0)
	return r, nil
}

// limitValues bounds every string, blob and row that is computed, in bytes.
func (r *raw) limitValues(most int32) {
	lib.Xsqlite3_limit(r.tls, r.db, lib.SQLITE_LIMIT_LENGTH, most)
}

func (r *raw) close() {
	if r.db != 0 {
		lib.Xsqlite3_close_v2(r.tls, r.db)
	}
	r.tls.Close()
}

// interruptWhen stops what runs when ctx ends, until the returned function is
// called.
func (r *raw) interruptWhen(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() {
		tls := libc.NewTLS() // r.tls belongs to the goroutine that runs
		defer tls.Close()
		lib.Xsqlite3_interrupt(tls, r.db)
	})
}

// compile prepares one statement, and with run steps it to its end.
func (r *raw) compile(sql string, run bool) *rawError {
	text, err := libc.CString(sql)
	if err != nil {
		return &rawError{message: "the statement does not fit into memory", offset: -1}
	}
	defer libc.Xfree(r.tls, text)
	var pin runtime.Pinner
	defer pin.Unpin()
	stmt := new(uintptr)
	pin.Pin(stmt)
	if rc := lib.Xsqlite3_prepare_v2(r.tls, r.db, text, -1, uintptr(unsafe.Pointer(stmt)), 0); rc != lib.SQLITE_OK {
		e := r.failure()
		if e.offset < 0 && e.message == "incomplete input" {
			e.offset = len(sql)
		}
		return e
	}
	defer lib.Xsqlite3_finalize(r.tls, *stmt)
	for run && *stmt != 0 {
		switch lib.Xsqlite3_step(r.tls, *stmt) {
		case lib.SQLITE_ROW:
		case lib.SQLITE_DONE:
			return nil
		default:
			return r.failure()
		}
	}
	return nil
}

func (r *raw) failure() *rawError {
	return &rawError{
		message: libc.GoString(lib.Xsqlite3_errmsg(r.tls, r.db)),
		offset:  int(lib.Xsqlite3_error_offset(r.tls, r.db)),
	}
}

// syntax reports whether the error is the grammar's: the schema has no part in
// it.
func (e *rawError) syntax() bool {
	return strings.HasSuffix(e.message, ": syntax error") || strings.HasPrefix(e.message, "unrecognized token") || e.message == "incomplete input"
}

// syntaxOffset is where the grammar refuses a statement, -1 if it does not.
func syntaxOffset(sql string) int {
	r, err := openRaw()
	if err != nil {
		return -1
	}
	defer r.close()
	if e := r.compile(sql, false); e != nil && e.syntax() {
		return e.offset
	}
	return -1
}
