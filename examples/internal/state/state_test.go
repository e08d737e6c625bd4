package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/state"
	"example.com/gitlabci/examples/internal/wholefile"
)

func TestProgressIsStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	f, err := state.Open[gitlabci.JobID](path)
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now().Round(0)
	if _, err := f.Begin("group/app", since); err != nil {
		t.Fatal(err)
	}
	for _, id := range []gitlabci.JobID{7, 0, 7, 8} { // 0 is none
		if err := f.Advance("group/app", "cursor", id); err != nil {
			t.Fatal(err)
		}
	}
	if f, err = state.Open[gitlabci.JobID](path); err != nil {
		t.Fatal(err)
	}
	p, err := f.Begin("group/app", since.Add(time.Hour))
	if err != nil || !p.Since.Equal(since) || p.Cursor != "cursor" || !slices.Equal(p.Done, []gitlabci.JobID{7, 8}) {
		t.Errorf("it has %+v (%v)", p, err)
	}
	if !f.Done("group/app", 7) || f.Done("group/app", 0) {
		t.Errorf("done are %v", p.Done)
	}
}

// A file does not grow forever.
func TestOldestIDsAreForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	var p state.Progress[gitlabci.JobID]
	for id := range gitlabci.JobID(1000) {
		p.Done = append(p.Done, id+1)
	}
	if err := wholefile.WriteJSON(path, map[string]any{"group/app": p}); err != nil {
		t.Fatal(err)
	}
	f, err := state.Open[gitlabci.JobID](path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Advance("group/app", "", 2000); err != nil || f.Done("group/app", 1) || !f.Done("group/app", 2) || !f.Done("group/app", 2000) {
		t.Errorf("of 1001, the wrong ones are forgotten (%v)", err)
	}
}

func TestDamagedFilesAreErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for _, text := range []string{"", "{", "null", `{"group/app":null}`, "[]"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := state.Open[gitlabci.JobID](path); err == nil {
			t.Errorf("%q is no error", text)
		}
	}
	f, err := state.Open[gitlabci.JobID](filepath.Join(path, "none"))
	if err == nil {
		t.Error("a file in a file is no error")
	}
	if _, err = f.Begin("group/app", time.Now()); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("what cannot be stored has the error %v", err)
	}
}
