package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
)

//go:embed static/*.css static/*.js static/*.woff2
var staticFiles embed.FS

var contentType = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".woff2": "font/woff2",
}

// Assets are served under a URL with a hash of all of them, so a browser may
// keep them for ever and a new build is seen at once.
type assets struct {
	prefix string            // "/static/3f2a…/"
	plain  map[string][]byte // :: name → content
	zipped map[string][]byte // :: name → content gzipped; fonts are compressed already
}

func loadAssets() (*assets, error) {
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("list assets: %w", err)
	}
	a := &assets{plain: map[string][]byte{}, zipped: map[string][]byte{}}
	sum := sha256.New()
	for _, e := range entries {
		text, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read asset %s: %w", e.Name(), err)
		}
		sum.Write(text)
		a.plain[e.Name()] = text
		if path.Ext(e.Name()) == ".woff2" {
			continue
		}
		if a.zipped[e.Name()], err = compress(text); err != nil {
			return nil, fmt.Errorf("compress asset %s: %w", e.Name(), err)
		}
	}
	a.prefix = "/static/" + hex.EncodeToString(sum.Sum(nil))[:12] + "/"
	return a, nil
}

func compress(text []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// ServeHTTP answers GET /static/HASH/NAME. A hash of another build gets the
// file of this one, uncached: the page that asked is about to be reloaded.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	text, ok := a.plain[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType[path.Ext(name)])
	h.Set("Cache-Control", "no-store")
	if strings.HasPrefix(r.URL.Path, a.prefix) {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if z := a.zipped[name]; z != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			text = z
		}
	}
	_, _ = w.Write(text) // the browser went away
}

func acceptsGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}
