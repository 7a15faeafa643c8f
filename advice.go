package slipway

// An AdviceLevel says how grave an Advice is, spelled as in the API.
type AdviceLevel string

// The levels.
const (
	AdviceWarning AdviceLevel = "WARNING"
	AdviceError   AdviceLevel = "ERROR"
)

// An Advice is one finding about a file.
type Advice struct {
	Level   AdviceLevel
	Code    int    // as reports of this API number it
	Title   string // the rule's id, "STATEMENT_DISALLOW_TRUNCATE"; "Syntax error"
	Content string // what is wrong and what to do
	Start   Position
	End     Position
	Rule    bool // found by a review rule, rather than by the parser or the ledger
}

// A Position is a place in a file.
type Position struct {
	Line   int // 1-based; 0 is nowhere
	Column int // 1-based, in characters; 0 is the whole line
}

// A RiskLevel says how much a change can break.
type RiskLevel string

// The levels, "" being unknown.
const (
	RiskLow      RiskLevel = "LOW"
	RiskModerate RiskLevel = "MODERATE"
	RiskHigh     RiskLevel = "HIGH"
)

// Above reports whether r is graver than q.
func (r RiskLevel) Above(q RiskLevel) bool {
	rank := map[RiskLevel]int{RiskLow: 1, RiskModerate: 2, RiskHigh: 3}
	return rank[r] > rank[q]
}

// A CheckResult is what a check found in one file for one database.
type CheckResult struct {
	File     string
	Target   string // "instances/…/databases/…"
	Advices  []Advice
	Affected int64 // rows, estimated; 0 when not known
	Risk     RiskLevel
}
