package slipway

// A Page asks for a bounded piece of an ordered list.
type Page struct {
	Size  int    // 1 to MaxPageSize; the store takes 0 as DefaultPageSize
	After string // where the last page ended, as the list returned it; "" begins
}

// Sizes of pages.
const (
	DefaultPageSize = 10
	MaxPageSize     = 1000
)

// Limit returns how many rows to read: one more than the page holds tells
// whether another follows.
func (p Page) Limit() int {
	switch {
	case p.Size <= 0:
		return DefaultPageSize + 1
	case p.Size > MaxPageSize:
		return MaxPageSize + 1
	}
	return p.Size + 1
}
