package pages_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/testkit"
)

// endlessLists never have a last page. They are handed the number of the request.
var endlessLists = map[string]func(request int) (body string, headers []string){
	"the same items": func(n int) (string, []string) {
		return pageItems(1, 2), []string{"Link", testkit.Link(url.Values{"page": {strconv.Itoa(n + 1)}}, "next")}
	},
	"the same items, counted": func(n int) (string, []string) {
		return pageItems(1, 2), []string{"X-Next-Page", strconv.Itoa(n + 1), "X-Page", strconv.Itoa(n), "X-Per-Page", "100", "X-Total", "500"}
	},
	"two pages in turn": func(n int) (string, []string) {
		return pageItems(1+n%2, 1+n%2), []string{"X-Next-Page", strconv.Itoa(n + 1)}
	},
	"empty pages":   func(n int) (string, []string) { return `[]`, []string{"X-Next-Page", strconv.Itoa(n + 1)} },
	"empty cursors": func(n int) (string, []string) { return `[]`, []string{"X-Next-Cursor", strconv.Itoa(n)} },
	"cursors that never repeat": func(n int) (string, []string) {
		return pageItems(1, 2), []string{"Link", testkit.Link(url.Values{"cursor": {strconv.Itoa(n)}}, "next")}
	},
	"falling totals": func(n int) (string, []string) {
		return pageItems(1, 2), []string{"X-Next-Page", strconv.Itoa(n + 1), "X-Page", strconv.Itoa(n), "X-Per-Page", "100", "X-Total", strconv.Itoa(100_000 - 100*n)}
	},
	"falling totals of a small page": func(n int) (string, []string) {
		return pageItems(1, 2), []string{"X-Next-Page", strconv.Itoa(n + 1), "X-Per-Page", "2", "X-Total", strconv.Itoa(100_000 - n)}
	},
	"one page by its total": func(n int) (string, []string) {
		return pageItems(1, 2), []string{"X-Next-Page", strconv.Itoa(n + 1), "X-Page", strconv.Itoa(n), "X-Total-Pages", "1", "X-Total", "2"}
	},
	"more pages than it has": func(n int) (string, []string) {
		return `[]`, []string{"X-Page", strconv.Itoa(n), "X-Total-Pages", "1000000"}
	},
	"more overlaps than it has": func(n int) (string, []string) {
		return pageItems(1, 7), []string{"X-Next-Page", strconv.Itoa(n + 1), "X-Page", strconv.Itoa(n), "X-Per-Page", strconv.Itoa(100 - n%50)}
	},
}

// A list without an end is an error, whatever its server does to make it one.
func TestListsWithoutAnEnd(t *testing.T) {
	for name, list := range endlessLists {
		for _, opts := range []gitlabci.ListPipelinesOptions{
			{}, {Sort: gitlabci.SortAsc}, {OrderBy: gitlabci.PipelineOrderByStatus}, {OrderBy: gitlabci.PipelineOrderByUpdatedAt}, {ListOptions: gitlabci.ListOptions{Prefetch: 8}},
		} {
			t.Run(fmt.Sprint(name, opts.Sort, opts.OrderBy, opts.Prefetch), func(t *testing.T) {
				var asked atomic.Int64
				s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
					n := int(asked.Add(1))
					if n > 200 {
						t.Error("this does not end")
						testkit.Respond(http.StatusForbidden, `{}`)(w, r)
						return
					}
					body, headers := list(pageNumber(r.URL.Query(), "page", n))
					testkit.Respond(http.StatusOK, body, headers...)(w, r)
				})
				ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", &opts))
				require.Less(t, len(ids), 10)
				require.Len(t, errs, 1)
				require.Regexp(t, "^gitlabci: the list('s pages)? ", errs[0].Error())
			})
		}
	}
}

// A list that turns back is found out after three rounds at most, even if it has more
// items than a walk remembers.
func TestListsOfManyItemsThatTurnBack(t *testing.T) {
	const round = 20_100 // more than a walk remembers
	pages := sync.OnceValue(func() (pages []string) {
		for first := round; first > 0; first -= 100 {
			ids := make([]string, 100)
			for i := range ids {
				ids[i] = fmt.Sprintf(`{"id":%d}`, first-i)
			}
			pages = append(pages, "["+strings.Join(ids, ",")+"]")
		}
		return pages
	})
	for name, opts := range map[string]gitlabci.ListPipelinesOptions{
		"page": {}, "page, ahead": {ListOptions: gitlabci.ListOptions{Prefetch: 8}}, "cursor": {OrderBy: gitlabci.PipelineOrderByStatus},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if opts.Prefetch == 0 {
				testkit.NotUnderRace(t)
			}
			by, _, _ := strings.Cut(name, ",")
			s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
				n := pageNumber(r.URL.Query(), by, 1)
				next := map[string]string{"page": "X-Next-Page", "cursor": "X-Next-Cursor"}[by]
				testkit.Respond(http.StatusOK, pages()[(n-1)%len(pages())], next, strconv.Itoa(n+1))(w, r)
			})
			n, failure := 0, error(nil)
			for _, err := range s.Client(t).Pipelines.All(t.Context(), "group/app", &opts) {
				if n++; n > 3*round {
					break
				}
				failure = err
			}
			require.ErrorContains(t, failure, "gitlabci: the list turns back")
		})
	}
}

// Entries of an archive have no ID, and are distinguished by their paths.
func TestEntriesWithoutAnEnd(t *testing.T) {
	s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
		next := pageNumber(r.URL.Query(), "page", 1) + 1
		testkit.Respond(http.StatusOK, `[{"name":"a","path":"a","type":"file"}]`, "X-Next-Page", strconv.Itoa(next))(w, r)
	})
	err := testkit.Drain(s.Client(t).Artifacts.AllEntries(t.Context(), "group/app", 9, nil))
	require.ErrorContains(t, err, "has no end")
	require.LessOrEqual(t, len(s.Received()), 11+8)
}

// Nine pages without a new item are not yet an error.
func TestListsWithEmptyPages(t *testing.T) {
	var pages []string
	for id := range 4 {
		pages = append(append(pages, slices.Repeat([]string{`[]`}, 9)...), pageItems(id+1, id+1))
	}
	s := testkit.NewListScript(t, pageKeyset(pages...))
	n := 0
	for _, err := range s.Client(t).Pipelines.AllMine(t.Context(), nil) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 4, n)
}

// A server may have a smaller limit for pages, and may not send it. Ascending lists lose
// nothing.
func TestDriftServerWithALimit(t *testing.T) {
	n := 0
	for _, hides := range []string{"", "not sent", "another sent"} {
		for _, most := range []int{3, 7, 10, 19, 20, 50, 99} {
			for seed := range 20 {
				if n++; !testkit.Sampled(n, 2) {
					continue
				}
				random := rand.New(rand.NewPCG(uint64(seed), 3))
				l := driftOf(3*most+random.IntN(4*most), nil)
				l.most, l.hides = most, hides
				stayed := slices.Clone(l.ids)
				l.moves = func(l *driftList) {
					for range random.IntN(3) {
						if len(l.asked) > 4 && len(l.asked) < 30 {
							l.delete(l.ids[random.IntN(len(l.ids))])
						}
					}
				}
				l.read(t, gitlabci.ListPipelinesOptions{Sort: gitlabci.SortAsc})
				for _, id := range stayed {
					if l.yielded[id] == 0 && slices.Contains(l.ids, id) {
						require.Fail(t, "lost", "pipeline %d of run %d, limit %d %s, pages %v", id, seed, most, hides, l.pages())
					}
				}
			}
		}
	}
}

// Pages of an ascending list can be shorter than requested, where items are hidden
// after they were counted: the walk gets to the last of them.
func TestDriftShortPages(t *testing.T) {
	for _, prefetch := range []int{0, 4} {
		for every := 1; every <= 40; every++ {
			if !testkit.Sampled(every, 1) {
				continue
			}
			for _, told := range []bool{true, false} {
				var asked atomic.Int64
				s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					query := r.URL.Query()
					page, size := pageNumber(query, "page", 1), pageNumber(query, "per_page", 20)
					var items []string
					for id := (page-1)*size + 1; id <= min(page*size, 250); id++ {
						if id%every == 0 {
							items = append(items, fmt.Sprintf(`{"id":%d}`, id))
						}
					}
					headers := []string{"X-Page", strconv.Itoa(page)}
					if told {
						headers = append(headers, "X-Per-Page", strconv.Itoa(size))
					}
					if page*size < 250 {
						query.Set("page", strconv.Itoa(page+1))
						headers = append(headers, "Link", testkit.Link(query, "next"))
					}
					testkit.Respond(http.StatusOK, "["+strings.Join(items, ",")+"]", headers...)(w, r)
				})
				opts := &gitlabci.ListPipelinesOptions{Sort: gitlabci.SortAsc, ListOptions: gitlabci.ListOptions{Prefetch: prefetch}}
				ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", opts))
				require.Empty(t, errs)
				require.Len(t, ids, 250/every, "every %d, told %v, %d ahead", every, told, prefetch)
				require.Less(t, asked.Load(), int64(60))
			}
		}
	}
}

// The count of the pages shows that there is another one where no header names it.
func TestPagesThatAreOnlyCounted(t *testing.T) {
	for _, missing := range [][]string{{"Link"}, {"Link", "X-Next-Page"}} {
		s := testkit.NewListScript(t, func(w http.ResponseWriter, r *http.Request) { pageNumbered(250)(pageWithout{w, missing}, r) })
		ids, errs := testkit.PipelineNumbers(s.Client(t).Pipelines.All(t.Context(), "group/app", nil))
		require.Empty(t, errs)
		require.Equal(t, pageRange(1, 250), ids)
	}
}

// Names of parameters that no list has are neither taken from a server nor sent for
// a caller, in whatever spelling some server would understand them.
func TestCursorsHaveOnlyKnownNames(t *testing.T) {
	for _, query := range []string{
		"_method=delete", "private_token[]=a", "[private_token]=a", "[sudo]=root", "sudo[]=root", "Sudo=root", "sudo%00=root", " sudo=root", "page[]=2", "scope[x]=a", "[page]=2", "ref[]=a", "a=b",
	} {
		s := testkit.NewListScript(t, testkit.Respond(http.StatusOK, pageItems(1, 1), "Link", `<https://h/a?page=2&`+query+`>; rel="next"`), testkit.Respond(http.StatusOK, `[]`))
		require.NoError(t, testkit.Drain(s.Client(t).Pipelines.All(t.Context(), "group/app", nil)), query)
		require.Equal(t, []url.Values{{"per_page": {"100"}}, {"page": {"2"}}}, pageAsked(s), query)

		s = testkit.NewListScript(t, testkit.Respond(http.StatusOK, `[]`))
		_, err := s.Client(t).Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: gitlabci.Cursor("page=2&" + query)}})
		testkit.RequireNotSent(t, s, err)
	}
	for _, query := range []string{"page=-1", "page=0", "page=x", "page=", "page=%2B2", "page=2&page=1", "per_page=-1", "cursor=a&cursor=b", "id_after=x"} {
		s := testkit.NewListScript(t, testkit.Respond(http.StatusOK, pageItems(1, 1), "Link", `<https://h/a?`+query+`>; rel="next"`))
		_, err := s.Client(t).Pipelines.List(t.Context(), "group/app", nil)
		require.ErrorContains(t, err, "the link to the next page cannot be read", query)
		_, err = s.Client(t).Pipelines.List(t.Context(), "group/app", &gitlabci.ListPipelinesOptions{ListOptions: gitlabci.ListOptions{After: gitlabci.Cursor(query)}})
		require.ErrorIs(t, err, gitlabci.ErrInvalid, query)
		require.Len(t, s.Received(), 1, query)
	}
}

// A Link header is read in a time that grows with its length (this test would take
// minutes otherwise), and not at all beyond 16 KiB.
func TestLongLinks(t *testing.T) {
	const next = `<https://h/a?page=3>; rel="next"`
	for name, test := range map[string]struct {
		link  string
		found bool
	}{
		"parameters, at the limit": {`<https://h/a?page=3>` + strings.Repeat(";a", 8<<10-24) + `; rel="next"`, true},
		"parameters, 1 MiB":        {`<https://h/a?page=3>` + strings.Repeat(";a=b", 1<<18) + `; rel="next"`, false},
		"links, 1 MiB":             {strings.Repeat(`<a>;rel=prev,`, 80_000) + next, false},
		"quotes, 1 MiB":            {`<a>;a="` + strings.Repeat(`\"`, 1<<19), false},
	} {
		page, err := linkPage(t, http.Header{"Link": {test.link}}, "")
		require.Equal(t, test.found, err == nil, name)
		if test.found {
			require.Equal(t, gitlabci.Cursor("page=3"), page.Next)
		}
	}
}
