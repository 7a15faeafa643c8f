package sqltext_test

import (
	"slices"
	"testing"

	"slipway/internal/sqltext"
)

// DELIMITER is obeyed where a client would, and no server sees it.
func TestChange37Delimiter(t *testing.T) {
	const text = "SELECT 1;\nDELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 2; SELECT 3; END//\nDELIMITER ;\nSELECT 4;"
	var got []string
	for st, err := range sqltext.Split(sqltext.MySQL, []byte(text)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, st.Text)
	}
	if want := []string{"SELECT 1", "CREATE PROCEDURE p() BEGIN SELECT 2; SELECT 3; END", "SELECT 4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
