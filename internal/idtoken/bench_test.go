package idtoken_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

// BenchmarkVerify reports what a verified token costs as a multiple of the bare
// RSA verification in it.
func BenchmarkVerify(b *testing.B) {
	s := newSite(b)
	raw := s.token(b)
	if got := s.exchange(b, raw); got != "" {
		b.Fatalf("reason %q", got)
	}
	input := raw[:strings.LastIndexByte(raw, '.')]
	sig := must(decodeBytes(raw[len(input)+1:]))(b)
	public := s.Key().Private.Public().(*rsa.PublicKey)
	cost := func(n int, f func() error) float64 {
		began := time.Now()
		for range n {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		return float64(time.Since(began)) / float64(n)
	}
	bare := cost(2000, func() error {
		digest := sha256.Sum256([]byte(input))
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], sig)
	})
	verify := func() error {
		_, _, err := s.verifier.Verify(context.Background(), s.URL(), raw)
		return err
	}
	whole := cost(2000, verify)
	for b.Loop() {
		if err := verify(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(whole/bare, "×rsa")
}
