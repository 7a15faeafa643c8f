package console_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestNamesInTablesStayOnOneLine looks at the first column of tables, where
// long names are cut off and show whole on hover.
func TestNamesInTablesStayOnOneLine(t *testing.T) {
	y := newYard(t)
	b := y.tab(t, adminEmail)
	for _, width := range []int64{1440, 1000, 390} {
		b.do(chromedp.EmulateViewport(width, 900))
		for _, path := range []string{
			"/", "/projects", "/instances", "/instances/prod", "/rollouts", "/projects/shop", "/projects/shop/databases", "/projects/shop/releases",
			"/projects/shop/rollouts", "/projects/shop/rollouts/2", "/projects/shop/databases/test/shop_dev", "/projects/shop/databases/test/shop_dev/changes",
			"/projects/shop/databases/test/shop_dev/revisions", "/projects/shop/members", "/users",
		} {
			b.open(path)
			b.until(`document.readyState === "complete" && document.querySelector("main td")`, "no table at "+path)
			for _, name := range script[[]string](b, wrapped) {
				t.Errorf("%s, %d px wide: %s", path, width, name)
			}
		}
	}
}

// wrapped lists links of first columns, and to releases, that stand in two lines
// or are cut off without a title.
var wrapped = fmt.Sprintf(`[...document.querySelectorAll("tbody td:first-child a, td a[href*='/releases/']")].filter(a => a.checkVisibility()).flatMap(a => {
	const range = document.createRange();
	range.selectNodeContents(a);
	const tops = new Set([...range.getClientRects()].map(r => Math.round(r.top / 6)));
	const said = %s;
	if (tops.size > 1) return [said + " wraps"];
	return a.scrollWidth > a.clientWidth && a.clientWidth > 0 && !a.title ? [said + " is cut off and has no title"] : [];
})`, `(a.innerText + " of " + a.closest("td").className)`)
