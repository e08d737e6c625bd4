package lenient_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/testkit"
)

// An owner is what an item points to, and an item has one of each kind of field.
type owner struct {
	Name  string            `json:"name"`
	Roles []string          `json:"roles"`
	Notes map[string]string `json:"notes"`
	Boss  *owner            `json:"boss"`
}

type item struct {
	ID     int64          `json:"id"`
	Owner  *owner         `json:"owner"`
	Last   *owner         `json:"last"`
	Score  *float64       `json:"score"`
	Tags   []string       `json:"tags"`
	Parts  []owner        `json:"parts"`
	Others []*owner       `json:"others"`
	Extra  map[string]any `json:"extra"`
	Words  words          `json:"words"`
}

type words []string

const anItem = `{"id":7,"owner":{"name":"a","roles":["r","s"],"notes":{"k":"v"},"boss":{"name":"b","roles":["t"]}},"last":{"name":"a","roles":["r"]},` +
	`"score":1.5,"tags":["x","y"],"parts":[{"name":"p","roles":["u"]}],"others":[{"name":"o"}],"extra":{"e":[1,{"f":"g"}]},"words":["w"]}`

// Items that are the same share nothing that a caller can change.
func TestItemsShareNothing(t *testing.T) {
	const n = 200 // more than fit into a block
	list, _, err := lenient.List[*item](t.Context(), []byte("["+strings.Repeat(anItem+",", n-1)+anItem+"]"))
	require.NoError(t, err)
	require.Len(t, list, n)
	for i, changed := range list {
		var want item
		require.NoError(t, json.Unmarshal([]byte(anItem), &want))
		require.Equal(t, &want, changed, "item %d", i)
		for _, o := range []*owner{changed.Owner, changed.Owner.Boss, changed.Last, &changed.Parts[0], changed.Others[0]} {
			o.Name = "changed"
			if len(o.Roles) > 0 {
				o.Roles[0] = "changed"
			}
			o.Roles = append(o.Roles, "changed")
			if o.Notes != nil {
				o.Notes["k"] = "changed"
			}
		}
		*changed.Score = -1
		changed.Tags[0], changed.Words[0] = "changed", "changed"
		changed.Tags = append(changed.Tags, "changed")
		changed.Extra["e"].([]any)[1].(map[string]any)["f"] = "changed"
		changed.Others = append(changed.Others, nil)
		changed.Parts = append(changed.Parts, owner{})
	}
}

// Names may have any order, white space and escapes, and may be missing or unknown, in
// one object as in the next.
func TestNamesInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	fields := []string{`"id":%d`, `"i\u0064":%d`, ` "id" : %d `, `"owner":{"name":"%d"}`, `"unknown":%d`, `"tags":["%d"]`, `"extra":{"%d":1}`, `"score":%d`, `"idx":%d`, `"I":%d`}
	for range 500 {
		objects := make([]string, 1+random.IntN(4))
		for i := range objects {
			random.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
			some := fields[:random.IntN(len(fields)+1)]
			seen, texts := map[string]bool{}, []string{}
			for _, field := range some {
				if key := strings.Trim(strings.ReplaceAll(field[:5], `\u0`, "d"), ` "`); !seen[key] { // repeated ones have a test of their own
					seen[key] = true
					texts = append(texts, fmt.Sprintf(field, random.IntN(100)))
				}
			}
			objects[i] = "{" + strings.Join(texts, ",") + "}"
		}
		body := "[" + strings.Join(objects, ",") + "]"
		var want []*item
		require.NoError(t, json.Unmarshal([]byte(body), &want))
		list, _, err := lenient.List[*item](t.Context(), []byte(body))
		require.NoError(t, err)
		require.Equal(t, want, list, body)
	}
}

// Who keeps one item of a page keeps little of the rest.
func TestKeptItemsAreSmall(t *testing.T) {
	testkit.NotUnderRace(t)
	type small struct {
		Name  string   `json:"name"`
		Tags  []string `json:"tags"`
		Owner *struct {
			Roles []string `json:"roles"`
		} `json:"owner"`
	}
	const pages = 300
	var kept []*small
	before := heap()
	for i := range pages {
		var body strings.Builder
		var tags, roles []string // that were first seen in ever older items
		for j := range 200 {
			if j%8 == 0 {
				tags, roles = append(tags, fmt.Sprintf(`"tag %d"`, j)), append(roles, fmt.Sprintf(`"role %d"`, j))
			}
			fmt.Fprintf(&body, `,{"name":"an item of some length, which is on page %d at place %d of it","tags":[%s,"only here: %[2]d"],"owner":{"roles":[%[4]s]}}`,
				i, j, strings.Join(tags, ","), strings.Join(roles, ","))
		}
		list, _, err := lenient.List[*small](t.Context(), []byte("["+body.String()[1:]+"]"))
		require.NoError(t, err)
		kept = append(kept, list[len(list)-1])
	}
	require.Less(t, (heap()-before)/pages, int64(4<<10), "blocks and the item")
	runtime.KeepAlive(kept)
}

// The same if each of an item's texts is that of another, older item.
func TestKeptItemsOfTextsThatLastAreSmall(t *testing.T) {
	testkit.NotUnderRace(t)
	type texts struct {
		Name string `json:"name"`
		A    string `json:"a"`
		B    string `json:"b"`
		C    string `json:"c"`
		D    string `json:"d"`
		E    string `json:"e"`
		F    string `json:"f"`
		G    string `json:"g"`
		H    string `json:"h"`
		I    string `json:"i"`
		J    string `json:"j"`
		K    string `json:"k"`
		L    string `json:"l"`
		End  int    `json:"end"`
	}
	const pages = 30
	var kept []*texts
	before := heap()
	for i := range pages {
		list, _, err := lenient.List[*texts](t.Context(), []byte(pageOfTextsThatLast(i)))
		require.NoError(t, err)
		kept = append(kept, list[len(list)-1])
		require.Equal(t, strings.Repeat("l", 80), kept[i].L)
	}
	require.Less(t, (heap()-before)/pages, int64(4<<10))
	runtime.KeepAlive(kept)
}

// pageOfTextsThatLast is a page of items, every eighth of which has one text more, which all
// further ones have as well.
func pageOfTextsThatLast(page int) string {
	const fields = "abcdefghijkl"
	var body strings.Builder
	for i := range 8*len(fields) + 8 {
		fmt.Fprintf(&body, `,{"name":"%d of page %d %s"`, i, page, strings.Repeat("x", 200))
		for k, field := range fields {
			text := ""
			if i > 8*k {
				text = strings.Repeat(string(field), 80)
			}
			fmt.Fprintf(&body, `,"%c":"%s"`, field, text)
		}
		body.WriteString(`,"end":1}`)
	}
	return "[" + body.String()[1:] + "]"
}

// Items that point to nothing share memory as long as they are small.
func TestKeptFlatItemsAreSmall(t *testing.T) {
	testkit.NotUnderRace(t)
	type flat struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
		Text string `json:"text"`
	}
	const pages = 30
	for _, sizes := range [][]int{{100, 100}, {5, 20_000}, {200, 120}, {20_000, 5}} {
		var kept []*flat
		before := heap()
		for i := range pages {
			var body strings.Builder
			for j := range 101 {
				size := sizes[j%2]
				fmt.Fprintf(&body, `,{"id":%d,"name":"item %[1]d of page %d","text":"%d %s"}`, j, i, j, strings.Repeat("x", size))
			}
			list, _, err := lenient.List[*flat](t.Context(), []byte("["+body.String()[1:]+"]"))
			require.NoError(t, err)
			kept = append(kept, list[50+sizes[0]/20_000])
			require.Less(t, len(kept[i].Text), 300)
		}
		require.Less(t, (heap()-before)/pages, int64(4<<10), sizes)
		runtime.KeepAlive(kept)
	}
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// An element of a list has room for what it points to, so that is counted, even if it
// points to nothing.
func TestRoomOfElementsIsCounted(t *testing.T) {
	type roomy struct {
		Large *struct{ _ [16 << 10]byte } `json:"large"`
	}
	body := []byte("[" + strings.Repeat("{},", 8000) + "{}]")
	var err error
	allocated := testkit.Allocated(func() { _, _, err = lenient.List[*roomy](t.Context(), body) })
	require.ErrorIs(t, err, lenient.ErrTooLarge)
	require.Less(t, allocated, uint64(1<<20))
}

// leastAllocated is how many bytes a call allocates, unless a collection empties the pools.
func leastAllocated(call func()) uint64 {
	least := testkit.Allocated(call)
	for range 20 {
		least = min(least, testkit.Allocated(call))
	}
	return least
}

// An object has no room for what it points to if its response is too small to fill that.
func TestSmallObjectsTakeLittle(t *testing.T) {
	testkit.NotUnderRace(t)
	type roomy struct {
		ID    int64                       `json:"id"`
		Large *struct{ _ [16 << 10]byte } `json:"large"`
	}
	for body, isLarge := range map[string]bool{`{"id":7}`: false, `{"id":7,"large":{}}`: true} {
		var got *roomy
		var err error
		allocated := leastAllocated(func() { got, _, err = lenient.Object[*roomy](t.Context(), []byte(body)) })
		require.NoError(t, err)
		require.Equal(t, int64(7), got.ID)
		require.Equal(t, isLarge, got.Large != nil)
		require.Equal(t, isLarge, allocated > 16<<10, "%s takes %d bytes", body, allocated)
	}
}

// Texts of a field that were all new are not looked up any more, but those of the next
// response are.
func TestTextsAreLookedUpInEachResponse(t *testing.T) {
	testkit.NotUnderRace(t)
	type named struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	const n = 300
	page := func(name func(i int) string) []byte {
		var body strings.Builder
		for i := range n {
			fmt.Fprintf(&body, `,{"name":"%s","id":%d}`, name(i), i)
		}
		return []byte("[" + body.String()[1:] + "]")
	}
	long := strings.Repeat("x", 56)
	distinct, alike := page(func(i int) string { return fmt.Sprintf("%04d%s", i, long) }), page(func(i int) string { return fmt.Sprintf("%04d%s", i%2, long) })
	var list []*named
	var err error
	read := func(body []byte) { list, _, err = lenient.List[*named](t.Context(), body) }
	for _, body := range [][]byte{distinct, alike} {
		var want []*named
		require.NoError(t, json.Unmarshal(body, &want))
		read(body)
		require.NoError(t, err)
		require.Equal(t, want, list)
	}
	once := leastAllocated(func() { read(distinct) })
	both := leastAllocated(func() { read(distinct); read(alike) })
	require.Less(t, both, 2*once-n*40, "of 60 bytes each, only two are kept")
}
