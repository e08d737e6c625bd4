package sink_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"example.com/gitlabci/examples/internal/sink"
)

type row struct {
	N int `parquet:"n"`
}

// sinks are empty sinks of numbers, each with what reads it.
func sinks(t *testing.T) map[string]struct {
	sink.Sink[int]
	read func() string
} {
	lines, folder := filepath.Join(t.TempDir(), "lines"), filepath.Join(t.TempDir(), "folder")
	return map[string]struct {
		sink.Sink[int]
		read func() string
	}{
		"lines": {sink.Lines[int]{Name: lines}, func() string {
			text, err := os.ReadFile(lines)
			if err != nil {
				t.Error(err)
			}
			return strings.ReplaceAll(string(text), "\n", " ")
		}},
		"parquet": {sink.Parquet[int, row]{Folder: folder, Row: func(n int) row { return row{n} }}, func() (all string) {
			parts, err := filepath.Glob(filepath.Join(folder, "*"))
			if err != nil || !slices.IsSorted(parts) {
				t.Error(parts, err)
			}
			for _, part := range parts {
				rows, err := parquet.ReadFile[row](part)
				if err != nil {
					t.Error(part, err)
				}
				for _, r := range rows {
					all += fmt.Sprint(r.N, " ")
				}
			}
			return all
		}},
	}
}

// Resume removes what was written after the place was stored.
func TestResume(t *testing.T) {
	for name, s := range sinks(t) {
		if err := s.Resume(0); err != nil {
			t.Fatal(name, err)
		}
		first, err := s.Write(0, []int{1, 2})
		if err != nil || first == 0 {
			t.Fatal(name, first, err)
		}
		if same, err := s.Write(first, nil); err != nil || same != first {
			t.Error(name, "is at", same, err)
		}
		second, err := s.Write(first, []int{3})
		if err != nil || s.read() != "1 2 3 " {
			t.Fatalf("%s has %s (%v)", name, s.read(), err)
		}
		if err := s.Resume(second); err != nil || s.read() != "1 2 3 " {
			t.Errorf("%s has %s (%v)", name, s.read(), err)
		}
		if err := s.Resume(first); err != nil || s.read() != "1 2 " {
			t.Errorf("%s has %s (%v)", name, s.read(), err)
		}
		if _, err := s.Write(first, []int{4, 5}); err != nil || s.read() != "1 2 4 5 " {
			t.Errorf("%s has %s (%v)", name, s.read(), err)
		}
		if err := s.Resume(second + 100); err == nil || !strings.Contains(err.Error(), " has lost what was written to it") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesThatAreMissingOrCannotBeWritten(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	if err := (sink.Lines[int]{Name: none}).Resume(1); err == nil {
		t.Error("lines are resumed that are not there")
	}
	if place, err := (sink.Lines[int]{Name: filepath.Join(none, "x")}).Write(0, []int{1}); err == nil || place != 0 {
		t.Error("lines are written without a folder:", place)
	}
	if place, err := (sink.Lines[any]{Name: none}).Write(7, []any{make(chan int)}); err == nil || place != 7 {
		t.Error("a channel is written:", place)
	}
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if place, err := (sink.Parquet[row, row]{Folder: none, Row: func(r row) row { return r }}).Write(2, []row{{1}}); err == nil || place != 2 {
		t.Error("a part is written into a file:", place)
	}
}
