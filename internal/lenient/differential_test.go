package lenient_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/testkit"
)

// A kindOfPage decodes pages of one type of object, and compares the results.
type kindOfPage struct {
	name  string // in those of the golden files that it mutates
	check func(t *testing.T, page []byte)
}

var kindsOfPages = []kindOfPage{
	{"jobs_", samePage[gitlabci.Job]},
	{"jobs_list_trigger", samePage[gitlabci.TriggerJob]},
	{"pipelines_list", samePage[gitlabci.PipelineInfo]},
	{"pipelines_", samePage[gitlabci.Pipeline]},
	{"test_report", samePage[gitlabci.TestReport]},
	{"test_report_summary", samePage[gitlabci.TestReportSummary]},
	{"pipelines_test_report", samePage[gitlabci.TestSuite]},
	{"artifacts_entries", samePage[gitlabci.ArtifactEntry]},
	{"variables", samePage[gitlabci.Variable]},
	{"allowed_agents", samePage[gitlabci.AllowedAgents]},
	{"", samePage[item]},
	{"", samePage[thing]},
}

var mutatedPages = flag.Int("pages", testkit.Fewer(500), "how many pages TestMutatedPages decodes")

// However a page of GitLab's is changed, its objects are decoded as each of them is by
// itself, and as encoding/json decodes them, or all refuse it.
//
//	go test ./internal/lenient -run MutatedPages -pages 1000000 -timeout 0
func TestMutatedPages(t *testing.T) {
	m, i, page := newMutator(t), 0, []byte(nil)
	defer func() {
		if t.Failed() {
			t.Logf("page %d: %s", i, page)
		}
	}()
	for i = range *mutatedPages {
		m.Rand = rand.New(rand.NewPCG(uint64(i), 20))
		kind := kindsOfPages[i%len(kindsOfPages)]
		page = m.page(kind.name)
		kind.check(t, page)
	}
}

// FuzzPages is TestMutatedPages with the pages that the fuzzer makes.
func FuzzPages(f *testing.F) {
	m := newMutator(f)
	for i := range 40 * len(kindsOfPages) {
		if !testkit.Sampled(i/len(kindsOfPages), 2) {
			continue
		}
		m.Rand = rand.New(rand.NewPCG(uint64(i), 21))
		kind := i % len(kindsOfPages)
		f.Add(uint(kind), m.page(kindsOfPages[kind].name))
	}
	f.Fuzz(func(t *testing.T, kind uint, page []byte) {
		kindsOfPages[kind%uint(len(kindsOfPages))].check(t, page)
	})
}

// samePage decodes a page in all ways there are.
func samePage[T any](t *testing.T, page []byte) {
	var elements []json.RawMessage
	isList := json.Unmarshal(page, &elements) == nil && elements != nil
	list, left, err := lenient.List[*T](t.Context(), page)
	if isList != (err == nil) {
		t.Fatalf("encoding/json accepts the page: %t, and here the error is %v", isList, err)
	}
	if err != nil {
		return
	}
	objects := slices.DeleteFunc(elements, func(raw json.RawMessage) bool { return bytes.TrimLeft(raw, " \t\r\n")[0] != '{' })
	if len(objects) != len(list) {
		t.Fatalf("%d objects, but %d items", len(objects), len(list))
	}
	losses := 0
	for i, object := range objects {
		alone, left, err := lenient.Object[*T](t.Context(), object)
		if err != nil {
			t.Fatal(err)
		}
		sameItem(t, alone, list[i], i, "alone")
		losses += lossesOf(t, left)
	}
	if n := lossesOf(t, left); n != losses {
		t.Fatalf("%d values lost, instead of %d", n, losses)
	}
	likeTheStandardLibrary(t, objects, list)
	likeAStream(t, page, list)
	shareNothing(t, list)
}

func sameItem[T any](t *testing.T, want, got *T, i int, how string) {
	if !reflect.DeepEqual(want, got) {
		require.Equal(t, want, got, "item %d, %s", i, how)
		t.Fatalf("item %d differs from that %s", i, how)
	}
}

// likeTheStandardLibrary compares items with those that encoding/json decodes, if it has
// no error. Names that it would match with fields in spite of their case are left out, and
// so are the earlier values of repeated names, which it would merge.
func likeTheStandardLibrary[T any](t *testing.T, objects []json.RawMessage, list []*T) {
	for i, object := range objects {
		var tree any
		numbers := json.NewDecoder(bytes.NewReader(object))
		numbers.UseNumber()
		require.NoError(t, numbers.Decode(&tree))
		onlyFields(tree, reflect.TypeFor[T]())
		plain, err := json.Marshal(tree)
		require.NoError(t, err)
		want := new(T)
		if json.Unmarshal(plain, want) == nil {
			sameItem(t, want, list[i], i, "by encoding/json")
		}
	}
}

// onlyFields deletes the names that are not exactly those of fields.
func onlyFields(tree any, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch tree := tree.(type) {
	case map[string]any:
		switch t.Kind() {
		case reflect.Struct:
			fields := map[string]reflect.Type{}
			fieldTypes(t, fields)
			for name, value := range tree {
				if of, ok := fields[name]; ok {
					onlyFields(value, of)
				} else {
					delete(tree, name)
				}
			}
		case reflect.Map:
			for _, value := range tree {
				onlyFields(value, t.Elem())
			}
		}
	case []any:
		for _, value := range tree {
			if t.Kind() == reflect.Slice {
				onlyFields(value, t.Elem())
			}
		}
	}
}

func fieldTypes(t reflect.Type, fields map[string]reflect.Type) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fieldTypes(f.Type, fields)
		case name != "-" && name != "":
			fields[name] = f.Type
		}
	}
}

// likeAStream compares items with those of a stream that arrives in pieces.
func likeAStream[T any](t *testing.T, page []byte, list []*T) {
	n := 0
	s := lenient.NewStream(&piecesOf{slices.Concat([]byte(`{"list":`), page, []byte(`}`)), int(1 + len(page)*7%251)}, 1<<20)
	err := s.Whole(func(string) error {
		return lenient.Objects(s, func(object *T) bool {
			sameItem(t, list[n], object, n, "of a stream")
			n++
			return true
		})
	})
	if err != nil || n != len(list) {
		t.Fatalf("the stream has %d objects instead of %d, and the error %v", n, len(list), err)
	}
}

// shareNothing checks that no memory that can be changed belongs to two items, or twice to
// one.
func shareNothing[T any](t *testing.T, list []*T) {
	seen := owners{}
	for i, one := range list {
		seen.visit(t, reflect.ValueOf(one), fmt.Sprintf("[%d]", i))
	}
}

// owners are the paths of what has memory, by that and its type: a struct begins where its
// first field does.
type owners map[memoryOf]string

type memoryOf struct {
	at uintptr
	of reflect.Type
}

func (o owners) claim(t *testing.T, v reflect.Value, path string) {
	key := memoryOf{v.Pointer(), v.Type()}
	if other, ok := o[key]; ok {
		t.Fatalf("%s and %s share memory", other, path)
	}
	o[key] = path
}

func (o owners) visit(t *testing.T, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			o.claim(t, v, path)
			o.visit(t, v.Elem(), path)
		}
	case reflect.Interface:
		o.visit(t, v.Elem(), path)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); v.Type() != reflect.TypeFor[time.Time]() {
				o.visit(t, v.Field(i), path+"."+f.Name)
			}
		}
	case reflect.Slice:
		if v.Cap() > 0 {
			o.claim(t, v, path)
		}
		for i := range v.Len() {
			o.visit(t, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		if !v.IsNil() {
			o.claim(t, v, path)
		}
		for name, value := range v.Seq2() {
			o.visit(t, value, path+"."+name.String())
		}
	}
}

// lossesOf is how many values were left zero.
func lossesOf(t *testing.T, left lenient.LeftOut) int {
	var log bytes.Buffer
	left.Log(t.Context(), slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), "")
	for line := range bytes.Lines(log.Bytes()) {
		var attrs struct {
			Level string
			Count int
		}
		require.NoError(t, json.Unmarshal(line, &attrs))
		if attrs.Level == "DEBUG" {
			return attrs.Count
		}
	}
	return 0
}
