package access_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"slipway"
	"slipway/internal/access"
	"slipway/internal/iam"
	"slipway/internal/store"
)

// fillAudit writes n entries, one a second from morning on.
func (h *house) fillAudit(n int) {
	h.t.Helper()
	ctx := h.t.Context()
	err := h.st.Update(ctx, func(tx *store.Tx) error {
		for i := range n {
			e := slipway.AuditEntry{Time: morning.Add(time.Duration(i) * time.Second), Caller: h.admin, Method: "/m", Resource: "projects/shop", Project: "shop", Reference: fmt.Sprint(i)}
			if err := tx.AddAudit(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestAuditEntry(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	ann := h.person("ann@example.com")
	h.project("shop", bind(iam.ProjectOwner, ann.Member()))
	h.fillAudit(1)
	own := h.lastAudit()
	if _, err := h.AuditEntry(ctx, ann, own.ID); err != nil {
		t.Errorf("a project's owner reads the project's entry: %v", err)
	}
	err := h.DeleteUser(ctx, ann, adminEmail)
	want(t, "something refused on the workspace", err, slipway.Denied, "bb.users.delete")
	refusal := h.lastAudit()
	_, err = h.AuditEntry(ctx, ann, refusal.ID)
	want(t, "a project's owner reads the workspace's entry", err, slipway.Denied, "bb.auditLogs.search")
	_, err = h.AuditEntry(ctx, ann, 1<<40)
	want(t, "and one that is not there reads the same", err, slipway.Denied, "bb.auditLogs.search")
	_, err = h.AuditEntry(ctx, h.admin, 1<<40)
	want(t, "none", err, slipway.NotFound, "not found")
	methods, err := h.AuditMethods(ctx, h.admin)
	if err != nil || len(methods) < 2 {
		t.Errorf("methods: %v, %v", methods, err)
	}
	_, err = h.AuditMethods(ctx, ann)
	want(t, "methods of the whole log", err, slipway.Denied, "bb.auditLogs.search")
}

func TestExportAudit(t *testing.T) {
	h := moveIn(t)
	ctx := t.Context()
	ann := h.person("ann@example.com")
	h.project("shop")
	h.fillAudit(2500) // more than a page of the store
	h.clock = h.clock.Add(time.Hour)
	var got []string
	collect := func(e slipway.AuditEntry) error {
		got = append(got, e.Reference)
		return nil
	}
	if err := h.ExportAudit(ctx, h.admin, access.AuditQuery{Project: "shop", Since: morning.Add(100 * time.Second)}, collect); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2400 || got[0] != "2499" || got[2399] != "100" {
		t.Errorf("exported %d entries", len(got))
	}
	if a := h.lastAudit(); !a.OK() || a.Method != "/slipway.v1.AuditService/ExportAuditEntries" || a.Permission != string(iam.AuditLogsExport) {
		t.Errorf("the export is on record as %+v", a)
	}
	got = nil
	h.clock = h.clock.Add(time.Second)
	if err := h.ExportAudit(ctx, h.admin, access.AuditQuery{Method: "/slipway.v1.AuditService/ExportAuditEntries"}, collect); err != nil || len(got) != 1 {
		t.Errorf("an export of exports found %d, %v; want the one before it", len(got), err)
	}
	stop := errors.New("enough")
	if err := h.ExportAudit(ctx, h.admin, access.AuditQuery{}, func(slipway.AuditEntry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a reader that stops: %v", err)
	}
	want(t, "by nobody in particular", h.ExportAudit(ctx, ann, access.AuditQuery{}, collect), slipway.Denied, "bb.auditLogs.export")
}
