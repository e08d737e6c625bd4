package wholefile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"example.com/gitlabci/examples/internal/wholefile"
)

func TestWrite(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "state.json")
	value := map[string]int{"kept": 1}
	if err := wholefile.ReadJSON(name, &value); err != nil || value["kept"] != 1 {
		t.Fatalf("without a file it reads %v (%v)", value, err)
	}
	for i := range 2 {
		if err := os.WriteFile(name+".new", []byte("left by a process that was killed"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := wholefile.WriteJSON(name, map[string]int{"n": i}); err != nil {
			t.Fatal(err)
		}
		if err := wholefile.ReadJSON(name, &value); err != nil || value["n"] != i {
			t.Errorf("it reads %v (%v)", value, err)
		}
	}
	broken := errors.New("broken")
	err := wholefile.Write(name, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, broken)
	})
	if !errors.Is(err, broken) || wholefile.ReadJSON(name, &value) != nil || value["n"] != 1 {
		t.Errorf("the old file has %v (%v)", value, err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("%v is left (%v)", left, err)
	}
}

func TestFilesThatCannotBeReadOrWritten(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "state.json")
	if err := os.WriteFile(name, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.ReadJSON(name, new(int)); err == nil || err.Error() != "state file "+name+": unexpected end of JSON input" {
		t.Errorf("a damaged file: %v", err)
	}
	if err := wholefile.WriteJSON(filepath.Join(folder, "none", "x"), 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if err := wholefile.WriteJSON(folder, 1); err == nil {
		t.Error("a folder is replaced")
	}
	if _, err := os.Stat(folder + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v is left", err)
	}
}
