package faults_test

import "fmt"

// A file is one migration, made so that running it twice shows, and so does
// leaving out a part of it.
type file struct {
	version string
	path    string
	text    string
	effects []string // the rows that it adds to the table effect
	ticks   int      // how often it adds one to the counter
	indexes int      // how many indexes it adds to the table effect
	whole   bool     // one transaction does all of it
}

// count is how many files a rollout has: in the short form one of each kind.
func count() int { return rounds(7, 30) }

// filesOf returns a rollout of every kind of file that an engine runs in a way
// of its own: one transaction, statements outside of one, and both mixed.
func filesOf(engine string) []file {
	files := []file{{text: "CREATE TABLE effect (what text NOT NULL);\nCREATE TABLE tick (n int NOT NULL);\nINSERT INTO tick VALUES (0);\n", whole: true}}
	kinds := []func(*file){one, several, change, alone(engine), one, mixed(engine)}
	for i := 1; i < count(); i++ {
		f := file{version: fmt.Sprint(i + 1), whole: true}
		kinds[(i-1)%len(kinds)](&f)
		files = append(files, f)
	}
	files[0].version = "1"
	for i := range files {
		files[i].path = fmt.Sprintf("%03d_file.sql", i+1)
	}
	return files
}

func (f *file) add(statement string) { f.text += statement + ";\n" }

// effect adds a row that no other statement adds.
func (f *file) effect() {
	what := fmt.Sprintf("%s.%d", f.version, len(f.effects)+1)
	f.effects = append(f.effects, what)
	f.add("INSERT INTO effect (what) VALUES ('" + what + "')")
}

func (f *file) tick() {
	f.ticks++
	f.add("UPDATE tick SET n = n + 1")
}

func one(f *file) { f.effect() }

func several(f *file) {
	f.effect()
	f.tick()
	f.effect()
	f.tick()
	f.effect()
}

func change(f *file) {
	f.add("CREATE TABLE extra_" + f.version + " (id int PRIMARY KEY)")
	f.effect()
	f.add("ALTER TABLE extra_" + f.version + " ADD COLUMN name text")
	f.tick()
}

// index makes an index without a name: run twice, there are two.
func (f *file) index() {
	f.indexes++
	f.add("CREATE INDEX CONCURRENTLY ON effect (what)")
}

// alone is a file of nothing but a statement outside transactions.
func alone(engine string) func(*file) {
	return func(f *file) {
		f.whole = false
		if engine == "postgres" {
			f.index()
		} else {
			f.add("VACUUM")
		}
	}
}

// mixed has such a statement between two transactions.
func mixed(engine string) func(*file) {
	return func(f *file) {
		f.effect()
		f.tick()
		alone(engine)(f)
		f.effect()
		f.tick()
	}
}
