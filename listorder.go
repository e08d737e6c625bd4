package gitlabci

import (
	"cmp"
	"net/url"
	"slices"
	"time"

	"example.com/gitlabci/internal/pages"
)

// orderOf is what a list of P with this query is sorted by.
func orderOf[P any](query url.Values) pages.Order {
	var item P
	if _, ok := any(item).(identified); !ok {
		return pages.Unordered()
	}
	order := defaultOrder[P]()
	ascending := order.ascending
	if sort := query.Get("sort"); sort != "" {
		ascending = Sort(sort) == SortAsc
	}
	switch by := cmp.Or(query.Get("order_by"), order.by); {
	case slices.Contains(order.ids, by):
		return pages.ByID(ascending)
	case slices.Contains(order.times, by):
		return pages.ByTime(ascending)
	}
	return pages.Unordered()
}

// A listOrder is what the lists of a type are sorted by, in GitLab's words.
type listOrder struct {
	by        string   // unless a query has order_by
	ascending bool     // unless a query has sort
	ids       []string // what is the same as the order of IDs
	times     []string // what is the order of times that items show
	mobile    bool     // whether items can join a list anywhere, such as projects that the user may see from now on
}

// defaultOrder is the order of the lists of P, which needs no item.
func defaultOrder[P any]() listOrder {
	var item P
	if one, ok := any(item).(interface{ listOrder() listOrder }); ok {
		return one.listOrder()
	}
	return newestFirst
}

var (
	newestFirst = listOrder{by: "id", ids: []string{"id"}, times: []string{"updated_at"}}
	oldestFirst = listOrder{by: "id", ids: []string{"id"}, times: []string{"updated_at"}, ascending: true}
)

func (*CommitStatus) listOrder() listOrder { return oldestFirst }
func (*Schedule) listOrder() listOrder     { return oldestFirst }
func (*Trigger) listOrder() listOrder      { return oldestFirst }
func (*Webhook) listOrder() listOrder      { return oldestFirst }

// A timed item has more than one time that its lists can be ordered by.
type timed interface {
	timeOf(order string) time.Time // zero if that is not the order of a time
}

// keyBy is keyOf for a list with this order_by.
func keyBy(order string) func(item any) (id int64, changed time.Time, ok bool) {
	return func(item any) (id int64, changed time.Time, ok bool) {
		id, changed, ok = keyOf(item)
		if one, isTimed := item.(timed); isTimed {
			changed = one.timeOf(order)
		}
		return id, changed, ok
	}
}

// fixedParameters do not depend on anything of an item that can change. In a list with these
// parameters alone, an item that has left the list never comes back.
var fixedParameters = []string{
	"page", "per_page", "cursor", "pagination", "order_by", "sort", "id", "pipeline_id", "job_id", "pipeline_schedule_id", "merge_request_iid",
	"ref", "sha", "source", "username", "created_after", "created_before", "include_retried", "path", "recursive",
	"simple", "view", "source_branch", "author_username", "iids[]", "environment",
}

// isFiltered reports whether items can join or leave the list of a query because they
// change.
func isFiltered(query url.Values) bool {
	for name := range query {
		if !slices.Contains(fixedParameters, name) {
			return true
		}
	}
	return false
}

// isSettled reports whether a list of P never changes, as that of the files in an
// archive.
func isSettled[P any]() bool {
	var item P
	_, ok := any(item).(*ArtifactEntry)
	return ok
}

// keyOf returns what identifies an item of a list, and when it has changed.
func keyOf(item any) (id int64, changed time.Time, ok bool) {
	if it, ok := item.(identified); ok {
		id, changed = it.identity()
		return id, changed, true
	}
	if named, ok := item.(interface{ placeKey() int64 }); ok {
		return named.placeKey(), time.Time{}, true
	}
	return 0, time.Time{}, false
}
