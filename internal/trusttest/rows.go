package trusttest

import "strings"

// Demanded returns the ids of the corpus's rows that say who gets in now: form
// and signature, times, issuer and audience, GitLab's projects and refs, keys
// and their fetching, and the API's surface and lifecycle.
func Demanded() []string {
	return strings.Fields(`
		A01 A02 A03 A04 A05 A06 A07 A08 A09 A10 A11 A13 A15 A16 A17 A18 A19 A21 A22 A24 A26 A27 A28
		T01 T02 T03 T05 T06 T07 T08 T09 T10
		I01 I02 I04 I05 U01 U02 U03 U04 U05 U06 U07 U08 C01 C02 C03 C04 C05 C07
		P01 P02 P03 P04 P05 P06 P07 P08 P10 P12 P14 P15 P16 P17
		B01 B02 B03 B04 B05 B06 B07 B09 B10 B11 B12 B13 B15 B16 B17
		K01 K02 K04 K05 K06 K07 K08 K09 K11 K12 K14 K15 K16 K17 N01 N02 N04 N06 N07 N08
		R01 R03 R05 R06 R07 R08 R09 O02 O03 O04 O05 O06 O07 L01 L03 L04 L05`)
}

// A Wait is a row that cannot be played, or not all of it, before something is
// built.
type Wait struct {
	ID   string
	For  string
	Part bool // the rest of it is played
}

// Waiting lists what waits.
var Waiting = []Wait{
	{ID: "K15", For: "static_keys"},
	{ID: "K16", For: "static_keys"},
	{ID: "R01", For: "single_use"},
	{ID: "R05", For: "single_use"},
	{ID: "R06", For: "single_use"},
	{ID: "R07", For: "single_use"},
	{ID: "R09", For: "idempotency_key"},
	{ID: "L05", For: "approvals"},
	{ID: "I04", For: "fetch_at_save", Part: true},
	{ID: "I05", For: "platforms", Part: true},
	{ID: "L01", For: "issuer_block", Part: true},
	{ID: "U08", For: "platforms", Part: true},
}
