package enginetest

import (
	"testing"

	"slipway/internal/engine"
)

func testExamine(t *testing.T, kit Kit) {
	t.Run("it counts the rows and changes nothing", func(t *testing.T) {
		b := newBench(t, kit)
		b.apply(b.lock(), "1", shelf+"INSERT INTO shelf (book) VALUES ('a'), ('b'), ('c');")
		before, err := b.eng.Schema(t.Context(), b.Source, b.Name)
		if err != nil {
			t.Fatal(err)
		}
		files := []engine.ExamineFile{
			{Path: "a.sql", Version: "2", Statement: []byte("CREATE TABLE made (id INTEGER); DROP TABLE shelf;")},
			{Path: "b.sql", Version: "3", Statement: []byte("INSERT INTO made VALUES (1);")},
		}
		got, err := b.eng.Examine(t.Context(), b.Source, b.Name, files)
		if err != nil || len(got) != 2 || got[0].Path != "a.sql" || got[1].Path != "b.sql" {
			t.Fatalf("got findings %+v and error %v", got, err)
		}
		for _, f := range got {
			if len(f.Advices) != 0 {
				t.Errorf("%s: got advices %+v, want none", f.Path, f.Advices)
			}
		}
		got, err = b.eng.Examine(t.Context(), b.Source, b.Name, []engine.ExamineFile{
			{Path: "c.sql", Version: "2", Statement: []byte("UPDATE shelf SET book = 'd' WHERE book <> 'd'; DELETE FROM shelf;")},
		})
		if err != nil || len(got) != 1 || got[0].Affected == 0 {
			t.Errorf("got findings %+v and error %v, want affected rows", got, err)
		}
		b.wantQuery("SELECT count(*) FROM shelf", "3")
		if after, err := b.eng.Schema(t.Context(), b.Source, b.Name); err != nil || after != before {
			t.Errorf("the schema became %q (error %v), want %q", after, err, before)
		}
	})
}
