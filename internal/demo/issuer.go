package demo

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"time"
)

// An issuer stands in for a GitLab instance: it publishes discovery and keys
// over HTTPS on loopback, with a certificate of a CA of its own, and signs ID
// tokens with the claims that GitLab puts into a job's.
type issuer struct {
	URL   string // "https://127.0.0.1:43211", the iss of its tokens
	CA    []byte // PEM
	key   *rsa.PrivateKey
	keyID string
	srv   *http.Server
}

// startIssuer listens on a free port of the loopback interface until Close.
func startIssuer() (*issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make the issuer's key: %w", err)
	}
	ca, cert, err := certificate(time.Now())
	if err != nil {
		return nil, fmt.Errorf("make the issuer's certificate: %w", err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, fmt.Errorf("listen for the issuer: %w", err)
	}
	sum := sha256.Sum256(key.N.Bytes())
	is := &issuer{
		URL:   "https://" + ln.Addr().String(),
		CA:    ca,
		key:   key,
		keyID: base64.RawURLEncoding.EncodeToString(sum[:]),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", is.discovery)
	mux.HandleFunc("GET /oauth/discovery/keys", is.keys)
	is.srv = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = is.srv.Serve(ln) }() // ends by Close, with ErrServerClosed
	return is, nil
}

// Close stops the issuer.
func (is *issuer) Close() error { return is.srv.Shutdown(context.Background()) }

func (is *issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{
		"issuer":                                is.URL,
		"jwks_uri":                              is.URL + "/oauth/discovery/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (is *issuer) keys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "max-age=86400, public, must-revalidate, no-transform")
	writeJSON(w, map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": is.keyID,
		"n": base64.RawURLEncoding.EncodeToString(is.key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(is.key.E)).Bytes()),
	}}})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client went away; nobody is left to tell
}

// A job is what the stand-in GitLab says of a CI job in its ID token.
type job struct {
	Group, Project string // "acme", "shop"
	Ref            string // branch
	Audience       string
	Pipeline, ID   string
	SHA            string
}

// token signs an ID token for j as GitLab does when a runner picks the job up:
// valid from five seconds ago for the job's timeout, here an hour.
func (is *issuer) token(j job, now time.Time) (string, error) {
	path := j.Group + "/" + j.Project
	claims := map[string]any{
		"iss": is.URL, "aud": j.Audience, "jti": rand.Text(),
		"sub": "project_path:" + path + ":ref_type:branch:ref:" + j.Ref,
		"iat": now.Unix(), "nbf": now.Unix() - 5, "exp": now.Add(time.Hour).Unix(),
		"namespace_id": "72", "namespace_path": j.Group, "project_id": "20", "project_path": path,
		"job_namespace_id": "72", "job_namespace_path": j.Group, "job_project_id": "20", "job_project_path": path,
		"user_id": "1", "user_login": "dev", "user_email": "dev@example.com", "user_access_level": "maintainer",
		"pipeline_id": j.Pipeline, "pipeline_source": "push", "job_id": j.ID,
		"ref": j.Ref, "ref_type": "branch", "ref_path": "refs/heads/" + j.Ref, "ref_protected": "true",
		"runner_id": 1, "runner_environment": "self-hosted", "sha": j.SHA, "project_visibility": "private",
		"ci_config_ref_uri": is.URL[len("https://"):] + "/" + path + "//.gitlab-ci.yml@refs/heads/" + j.Ref, "ci_config_sha": j.SHA,
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	header, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": is.keyID})
	if err != nil {
		return "", fmt.Errorf("encode header: %w", err)
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(input))
	sig, err := rsa.SignPKCS1v15(rand.Reader, is.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign ID token: %w", err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

// certificate makes a CA and a certificate for 127.0.0.1 that it signed; both
// live for a day.
func certificate(now time.Time) (caPEM []byte, leaf tls.Certificate, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, leaf, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Slipway demo CA"},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, leaf, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, leaf, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage: x509.KeyUsageDigitalSignature,
	}, ca, key.Public(), caKey)
	if err != nil {
		return nil, leaf, err
	}
	caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	return caPEM, tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key}, nil
}
