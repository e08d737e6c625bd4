package pages_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A windowList serves the jobs of a project by cursor, as GitLab does, and may change
// before each response.
type windowList struct {
	mu     sync.Mutex
	ids    []int        // ascending
	hidden map[int]bool // from a list with a filter
	moves  func()
	delay  func() time.Duration
	// misreads changes the ID of a cursor, or refuses it with a status.
	misreads func(below int) (int, int)
	opaque   bool // whether cursors have something else in them

	stayed map[int]bool
	asked  int
	now    int
	most   int // concurrent requests
	made   int // cursors that the server has not sent
	sent   map[string]bool
}

func newWindowList(ids []int) *windowList {
	l := &windowList{ids: ids, hidden: map[int]bool{}, stayed: map[int]bool{}, sent: map[string]bool{"": true}}
	for _, id := range ids {
		l.stayed[id] = true
	}
	l.delay = func() time.Duration { return 50 * time.Millisecond }
	return l
}

// sparse are n IDs of a project on a server with others, with gaps for nights.
func sparse(n int, random *rand.Rand) []int {
	ids, id := []int{}, 1000
	for i := range n {
		if i%97 == 96 {
			id += random.IntN(400_000)
		}
		id += 1 + random.IntN(300)
		ids = append(ids, id)
	}
	return ids
}

func (l *windowList) delete(i int) {
	delete(l.stayed, l.ids[i])
	l.ids = slices.Delete(l.ids, i, i+1)
}

func (l *windowList) cursor(id int) string {
	text := fmt.Sprintf(`{"id":"%d","_kd":"n"}`, id)
	if l.opaque {
		text += "--signed"
	}
	return base64.URLEncoding.EncodeToString([]byte(text))
}

// below reads a cursor.
func (l *windowList) below(cursor string) (id, status int) {
	text, _ := base64.URLEncoding.DecodeString(cursor)
	if _, err := fmt.Sscanf(string(text), `{"id":"%d"`, &id); err != nil {
		return math.MaxInt, 0
	}
	if !l.sent[cursor] {
		l.made++
		if l.misreads != nil {
			return l.misreads(id)
		}
	}
	return id, 0
}

func (l *windowList) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.asked++
	l.now++
	l.most = max(l.most, l.now)
	delay := l.delay()
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.now--
		l.mu.Unlock()
	}()
	select {
	case <-time.After(delay):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	l.mu.Lock()
	page := l.page(req)
	if l.moves != nil {
		l.moves()
	}
	l.mu.Unlock()
	select {
	case <-time.After(delay / 10):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	return page.RoundTrip(req)
}

func (l *windowList) page(req *http.Request) *testkit.Canned {
	query := req.URL.Query()
	below, status := l.below(query.Get("cursor"))
	if status > 0 {
		return testkit.CannedJSON(`{"error":"cursor is invalid"}`).WithStatus(status)
	}
	var items []string
	last, more := 0, false
	i, _ := slices.BinarySearch(l.ids, below)
	for i--; i >= 0; i-- {
		if l.hidden[l.ids[i]] {
			continue
		}
		if len(items) == pageNumber(query, "per_page", 20) {
			more = true
			break
		}
		last = l.ids[i]
		items = append(items, `{"id":`+strconv.Itoa(last)+`,"name":"test","status":"success","ref":"main"}`)
	}
	page := testkit.CannedJSON("[" + strings.Join(items, ",") + "]")
	page.Header = http.Header{"Content-Type": {"application/json"}}
	if more {
		query.Set("cursor", l.cursor(last))
		l.sent[l.cursor(last)] = true
		page.Header.Set("Link", testkit.Link(query, "next"))
	}
	return page
}

// read ranges over the list, and checks that what stayed is yielded exactly once, in
// order. It returns how long that took.
func (l *windowList) read(t *testing.T, what string, opts *gitlabci.ListJobsOptions) time.Duration {
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithTransport(l), gitlabci.WithToken("glpat-x"), gitlabci.WithRetries(0))
	require.NoError(t, err)
	start, last, yielded := time.Now(), math.MaxInt, map[int]bool{}
	for job, err := range client.Jobs.All(t.Context(), "group/app", opts) {
		if err != nil || int(job.ID) >= last {
			require.NoError(t, err, what)
			require.Less(t, int(job.ID), last, "%s: repeated, or out of order", what)
		}
		last = int(job.ID)
		yielded[last] = true
	}
	took := time.Since(start)
	for id := range l.stayed {
		if !yielded[id] {
			require.Fail(t, "missed", "%s: job %d", what, id)
		}
	}
	require.Zero(t, l.now, what)
	return took
}

func windowOptions(prefetch int) *gitlabci.ListJobsOptions {
	return &gitlabci.ListJobsOptions{ListOptions: gitlabci.ListOptions{Prefetch: prefetch}}
}

// Several cursors are followed at the same time, at the cost of a few requests more.
func TestWindows(t *testing.T) {
	random := func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
	dense := make([]int, 10_000)
	for i := range dense {
		dense[i] = 5_000_000 + i
	}
	nights := []int{}
	for day := range 50 {
		for i := range 200 {
			nights = append(nights, 1+day*1_000_000+i*1000)
		}
	}
	burst := append(slices.Clone(dense[:9900]), sparse(100, random())...)
	for i := range 100 {
		burst[9900+i] = 1_000_000_000 + i*10_000_000
	}
	for name, test := range map[string]struct {
		ids      []int
		prefetch int
		rounds   int // of 55 ms, at most
		requests int // at most
	}{
		"none ahead":             {sparse(10_000, random()), 1, 100, 100},
		"two":                    {sparse(10_000, random()), 2, 70, 140},
		"four":                   {sparse(10_000, random()), 4, 42, 140},
		"eight":                  {sparse(10_000, random()), 8, 28, 145},
		"as many as allowed":     {sparse(10_000, random()), 64, 14, 180},
		"dense":                  {dense, 8, 24, 130},
		"with nights":            {nights, 8, 40, 190},
		"far more than expected": {burst, 8, 40, 150},
		"one page":               {dense[:100], 8, 1, 1},
		"two pages":              {dense[:200], 8, 2, 9}, // nothing shows where the list ends
		"nothing":                {nil, 8, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if test.prefetch == 1 {
				testkit.NotUnderRace(t)
			}
			synctest.Test(t, func(t *testing.T) {
				l := newWindowList(slices.Clone(test.ids))
				took := l.read(t, name, windowOptions(test.prefetch))
				synctest.Wait()
				t.Logf("%d rounds, %d requests, %d at once", took/(55*time.Millisecond), l.asked, l.most)
				require.LessOrEqual(t, took, time.Duration(test.rounds)*55*time.Millisecond)
				require.LessOrEqual(t, l.asked, test.requests)
				require.LessOrEqual(t, l.most, test.prefetch)
				require.Equal(t, test.prefetch > 1 && len(test.ids) > 100, l.made > 0)
			})
		})
	}
}

// Jobs start, are deleted, and leave and join a list with a filter, while several
// cursors are followed. Every item that stays is yielded exactly once, in order.
func TestWindowsInRandomOrder(t *testing.T) {
	t.Parallel()
	for seed := range 40 {
		if !testkit.Sampled(seed, 3) {
			continue
		}
		random := rand.New(rand.NewPCG(uint64(seed), 12))
		l := newWindowList(sparse(random.IntN(3000), random))
		l.delay = func() time.Duration { return time.Duration(random.IntN(100)) * time.Millisecond }
		most := random.IntN(6)
		l.moves = func() {
			for range random.IntN(most + 1) {
				l.ids = append(l.ids, l.newest()+1+random.IntN(300))
				if i := random.IntN(len(l.ids)); random.IntN(2) == 0 {
					l.delete(i)
				} else {
					delete(l.stayed, l.ids[i])
					l.hidden[l.ids[i]] = !l.hidden[l.ids[i]]
				}
			}
		}
		opts := windowOptions([]int{0, 1, 2, 3, 8, 64}[random.IntN(6)])
		opts.PerPage = []int{0, 1, 7, 20, 100}[random.IntN(5)]
		if len(l.ids)/max(1, opts.PerPage) > 300 {
			opts.PerPage = 20
		}
		what := fmt.Sprintf("seed %d, %d jobs, %+v", seed, len(l.ids), opts.ListOptions)
		synctest.Test(t, func(t *testing.T) { l.read(t, what, opts) })
		require.LessOrEqual(t, l.most, max(1, opts.Prefetch), what)
	}
}

func (l *windowList) newest() int {
	if len(l.ids) == 0 {
		return 1000
	}
	return l.ids[len(l.ids)-1]
}

// A server that misreads a cursor that it has not sent hides no job:
// the walk continues with the server's own cursors.
func TestWindowsOfOtherServers(t *testing.T) {
	refuses := func(status int) func(int) (int, int) { return func(int) (int, int) { return 0, status } }
	reads := func(f func(int) int) func(int) (int, int) { return func(below int) (int, int) { return f(below), 0 } }
	for name, test := range map[string]struct {
		misreads func(int) (int, int)
		opaque   bool
		requests int // at most, instead of 30
	}{
		"refuses it":             {refuses(http.StatusBadRequest), false, 40},
		"fails":                  {refuses(http.StatusInternalServerError), false, 40},
		"has no such method":     {refuses(http.StatusMethodNotAllowed), false, 40},
		"begins again":           {reads(func(int) int { return math.MaxInt }), false, 90},
		"begins above it":        {reads(func(below int) int { return below + 1000 }), false, 90},
		"begins below it":        {reads(func(below int) int { return below - 20_000 }), false, 100},
		"begins a little below":  {reads(func(below int) int { return below - 150 }), false, 100},
		"has nothing there":      {reads(func(int) int { return 0 }), false, 90},
		"has cursors of its own": {nil, true, 30},
		"is as it should be":     {nil, false, 50},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newWindowList(sparse(3000, rand.New(rand.NewPCG(3, 4))))
				l.misreads, l.opaque = test.misreads, test.opaque
				l.read(t, name, windowOptions(8))
				t.Logf("%d requests, %d by made cursors", l.asked, l.made)
				require.LessOrEqual(t, l.asked, test.requests)
				require.Equal(t, test.opaque, l.made == 0)
			})
		})
	}
}

// A page that fails ends the list with its own cursor, from which the list continues
// without a job missed or twice.
func TestWindowsThatFail(t *testing.T) {
	for failing := 1; failing < 45; failing++ {
		if !testkit.Sampled(failing, 2) {
			continue
		}
		t.Run(strconv.Itoa(failing), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newWindowList(sparse(3000, rand.New(rand.NewPCG(5, 6))))
				down := false
				client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithToken("glpat-x"), gitlabci.WithRetries(0),
					gitlabci.WithTransport(testkit.RoundTripper(func(req *http.Request) (*http.Response, error) {
						l.mu.Lock()
						down = down || l.asked+1 == failing
						fails := down
						l.mu.Unlock()
						if fails {
							return testkit.CannedJSON(`{}`).WithStatus(http.StatusForbidden).RoundTrip(req)
						}
						return l.RoundTrip(req)
					})))
				require.NoError(t, err)
				opts, want := windowOptions(8), slices.Clone(l.ids)
				slices.Reverse(want)
				ids, err := windowIDs(t.Context(), client, opts)
				if err != nil {
					require.ErrorIs(t, err, gitlabci.ErrForbidden)
					failed := err.(*gitlabci.PageError)
					l.mu.Lock()
					require.True(t, failed.After == "" || failing == 1 || l.sent[pageCursor(t, failed.After)], "a cursor of the server's")
					l.asked, down = 1000, false
					l.mu.Unlock()
					opts.After = failed.After
					more, err := windowIDs(t.Context(), client, opts)
					require.NoError(t, err)
					ids = append(ids, more...)
				}
				require.Equal(t, want, ids)
			})
		})
	}
}

func windowIDs(ctx context.Context, client *gitlabci.Client, opts *gitlabci.ListJobsOptions) (ids []int, err error) {
	for job, err := range client.Jobs.All(ctx, "group/app", opts) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, int(job.ID))
	}
	return ids, nil
}

func pageCursor(t *testing.T, c gitlabci.Cursor) string {
	req, err := http.NewRequest(http.MethodGet, "https://x/?"+string(c), nil)
	require.NoError(t, err)
	return req.URL.Query().Get("cursor")
}

// Nothing is requested past the end of the loop.
func TestWindowsStopWithTheLoop(t *testing.T) {
	for _, last := range []int{1, 100, 150, 1000} {
		synctest.Test(t, func(t *testing.T) {
			l := newWindowList(sparse(10_000, rand.New(rand.NewPCG(7, 8))))
			client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithTransport(l), gitlabci.WithToken("glpat-x"))
			require.NoError(t, err)
			n := 0
			for _, err := range client.Jobs.All(t.Context(), "group/app", windowOptions(8)) {
				require.NoError(t, err)
				if n++; n == last {
					break
				}
			}
			synctest.Wait()
			require.Zero(t, l.now)
			asked := l.asked
			require.LessOrEqual(t, asked, 1+last/100*2+8*3)
			time.Sleep(time.Minute)
			require.Equal(t, asked, l.asked)
		})
	}
}
