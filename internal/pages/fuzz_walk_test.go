package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// A hostileList responds as its bytes say, from the start again after their end.
type hostileList struct {
	data []byte

	mu   sync.Mutex
	at   int
	asks int
}

func (l *hostileList) byte() int {
	l.at++
	return int(l.data[(l.at-1)%len(l.data)])
}

// number is a header with a number that is mostly small.
func (l *hostileList) number(header http.Header, name string) {
	switch b := l.byte(); {
	case b < 200:
		header.Set(name, fmt.Sprint(b%40))
	case b < 220:
		header.Set(name, []string{"-1", "x", "", "100", "9223372036854775807", "1000000"}[b%6])
	}
}

func (l *hostileList) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asks++; l.asks > 20_000 {
		panic("this does not end")
	}
	header := http.Header{"Content-Type": {"application/json"}}
	var items []string
	first, n := l.byte(), l.byte()%12
	for i := range n {
		id := first + i
		if l.byte()%2 == 0 {
			id = max(1, first-i)
		}
		items = append(items, fmt.Sprintf(`{"id":%d,"updated_at":"2026-02-03T04:05:%02dZ"}`, max(1, id), id%60))
	}
	for _, name := range []string{"X-Page", "X-Per-Page", "X-Total", "X-Total-Pages", "X-Next-Page"} {
		l.number(header, name)
	}
	query := req.URL.Query()
	switch b := l.byte(); {
	case b < 120:
		query.Set("page", fmt.Sprint(pageNumber(query, "page", 1)+1+b%3))
		header.Set("Link", testkit.Link(query, "next"))
	case b < 160:
		header.Set("Link", testkit.Link(url.Values{"cursor": {fmt.Sprint(l.asks)}}, "next"))
	case b < 180:
		header.Set("Link", testkit.Link(url.Values{"page": {fmt.Sprint(b)}, "per_page": {fmt.Sprint(b % 30)}}, "next"))
	}
	s := testkit.CannedJSON("[" + strings.Join(items, ",") + "]")
	s.Header = header
	return s.RoundTrip(req)
}

// With any headers of a server, a walk ends, yields nothing twice, and requests only pages
// of this list.
func FuzzWalk(f *testing.F) {
	for seed := range byte(40) {
		data := make([]byte, 16+int(seed)*7)
		for i := range data {
			data[i] = byte(i)*(2*seed+1) + seed*seed
		}
		f.Add(data, seed, seed)
	}
	orders := []gitlabci.PipelineOrder{"", gitlabci.PipelineOrderByID, gitlabci.PipelineOrderByStatus, gitlabci.PipelineOrderByUpdatedAt}
	f.Fuzz(func(t *testing.T, data []byte, order, ahead byte) {
		if len(data) == 0 {
			return
		}
		l := &hostileList{data: data}
		client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(l), gitlabci.WithRetries(0))
		require.NoError(t, err)
		opts := &gitlabci.ListPipelinesOptions{OrderBy: orders[order%4], ListOptions: gitlabci.ListOptions{Prefetch: int(ahead % 9)}}
		if order&4 != 0 {
			opts.Sort = gitlabci.SortAsc
		}
		yielded := map[string]bool{}
		for pipeline, err := range client.Pipelines.All(t.Context(), "group/app", opts) {
			if err != nil {
				continue
			}
			key := fmt.Sprint(pipeline.ID)
			if opts.OrderBy == gitlabci.PipelineOrderByUpdatedAt {
				key += pipeline.UpdatedAt.String()
			}
			require.False(t, yielded[key], "pipeline %s twice", key)
			yielded[key] = true
		}
	})
}
