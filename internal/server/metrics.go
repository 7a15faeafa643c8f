package server

import (
	"net/http"
	"regexp"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"slipway/internal/idtoken"
)

// Metrics are what GET /metrics shows. Nothing in them names a project, an
// identity or a database: the page needs no credential.
type metrics struct {
	http.Handler
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(tokens *idtoken.Verifier) *metrics {
	r := prometheus.NewRegistry()
	m := &metrics{
		Handler: promhttp.HandlerFor(r, promhttp.HandlerOpts{}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_http_requests_total", Help: "Requests answered.",
		}, []string{"face", "code", "method"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_http_request_seconds", Help: "Time to answer a request; streams count whole.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8), // 1 ms to 16 s
		}, []string{"face"}),
	}
	// What the last collection left is a leak's measure: what is in use between
	// two collections is not.
	live := collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/gc/heap/live:bytes$`)}
	r.MustRegister(m.requests, m.seconds,
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(live)), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range []struct {
		name, help string
		read       func(idtoken.Counters) int64
	}{
		{"slipway_issuer_fetches_total", "Fetches of an issuer's keys.", func(c idtoken.Counters) int64 { return c.Fetches }},
		{"slipway_issuer_fetch_failures_total", "Fetches that brought no usable set of keys.", func(c idtoken.Counters) int64 { return c.Failures }},
		{"slipway_issuer_stale_key_uses_total", "Tokens verified with keys past their freshness because the issuer was down.", func(c idtoken.Counters) int64 { return c.StaleUses }},
		{"slipway_issuer_unusable_keys_total", "Published keys that could not be used, per fetch.", func(c idtoken.Counters) int64 { return c.JunkKeys }},
	} {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help},
			func() float64 { return float64(c.read(tokens.Counters())) }))
	}
	return m
}

// count counts and times what next answers, under the name of the face.
func (m *metrics) count(face string, next http.Handler) http.Handler {
	label := prometheus.Labels{"face": face}
	return promhttp.InstrumentHandlerDuration(m.seconds.MustCurryWith(label),
		promhttp.InstrumentHandlerCounter(m.requests.MustCurryWith(label), next))
}
