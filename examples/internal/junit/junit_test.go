package junit_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"example.com/gitlabci/examples/internal/junit"
)

func TestReadWhatIsWritten(t *testing.T) {
	cases := []*junit.Case{
		{Classname: "shop", Name: "adds <1>"}, {Name: "pays", Failure: &junit.Message{Text: "got 3"}},
		{Name: "ships", Error: &junit.Message{Text: "x"}}, {Name: "asks", Skipped: &junit.Message{}},
	}
	var report bytes.Buffer
	if err := junit.Write(&report, []*junit.Suite{{Name: "unit", Cases: cases[:2]}, {Name: "browser", Cases: cases[2:]}}); err != nil {
		t.Fatal(err)
	}
	var read []*junit.Case
	for c, err := range junit.Read(&report) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Passed() != (c.Name == "adds <1>") {
			t.Errorf("%s passed: %v", c.Name, c.Passed())
		}
		read = append(read, c)
	}
	if !reflect.DeepEqual(read, cases) {
		t.Errorf("%+v", read)
	}
}

func TestInvalidReports(t *testing.T) {
	for text, want := range map[string]int{"": 0, "<a/>": 0, "<a><testcase name='b'/>": 1, "<a><testcase>": 0, "{": 0, "<a><testcase name='b'/></b>": 1} {
		n, broken := 0, false
		for _, err := range junit.Read(strings.NewReader(text)) {
			if broken = err != nil; !broken {
				n++
			}
		}
		if n != want || broken != (len(text) > 5) {
			t.Errorf("%s: %d tests, broken: %v", text, n, broken)
		}
	}
}
