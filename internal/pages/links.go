package pages

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ErrLink is the error for a next page that a response has, but does not say
// which one.
var ErrLink = errors.New("the link to the next page cannot be read")

// nextCursor finds the next page: in the link, of which only the query counts,
// since its host is the instance's own name and not always ours; else, where
// something between has dropped or damaged the link, in the headers beside it.
func nextCursor(header http.Header, query url.Values) (string, error) {
	link, linked, damaged := nextLink(header.Values("Link"))
	if linked {
		target, err := url.Parse(link)
		if err != nil {
			return "", ErrLink
		}
		next, err := Query(target.RawQuery)
		if err != nil || len(next) == 0 {
			return "", ErrLink
		}
		keepFilters(next, query)
		return Cursor(next), nil
	}
	for _, step := range []struct{ header, parameter string }{{"X-Next-Page", "page"}, {"X-Next-Cursor", "cursor"}} {
		if value := header.Get(step.header); value != "" {
			next := maps.Clone(query)
			if next == nil {
				next = url.Values{}
			}
			next.Set(step.parameter, value)
			return Cursor(next), nil
		}
	}
	if _, told := header["X-Next-Page"]; damaged && !told {
		return "", ErrLink
	}
	return "", nil
}

// keepFilters has a link narrow its list as the query did that the link came of,
// whatever the server made of that: the rest of the list would have items that
// were not asked for. It leaves to the link only where the list continues.
func keepFilters(next, query url.Values) {
	for name, values := range query {
		if slices.Contains([]string{"page", "per_page", "cursor", "id_after", "id_before", "pagination"}, name) {
			continue
		}
		for linked := range next { // some servers link to "scope" or "scope[0]" for "scope[]"
			if strings.EqualFold(bareName(linked), bareName(name)) {
				delete(next, linked)
			}
		}
		next[name] = values
	}
}

// bareName is a parameter's name without the brackets of a list.
func bareName(name string) string {
	bare, _, _ := strings.Cut(name, "[")
	return bare
}

// nextLink finds the target with rel="next" in Link headers as RFC 8288 writes
// them: targets in angle brackets, parameters that may be quoted, and commas
// and semicolons that mean nothing inside either. What is damaged may have
// been the next link.
func nextLink(headers []string) (target string, found, damaged bool) {
	for _, rest := range headers {
		for {
			rest = strings.TrimLeft(rest, " \t,")
			if rest == "" {
				break
			}
			target, parameters, closed := strings.Cut(rest, ">")
			if !closed || !strings.HasPrefix(target, "<") {
				damaged = true
				break
			}
			found, rest, closed = linkParameters(parameters)
			if !closed {
				damaged = true
				break
			}
			if found {
				return target[1:], true, false
			}
		}
	}
	return "", false, damaged
}

// linkParameters reads the parameters of one link and returns what follows it.
// It is not ok where they do not end as they should.
func linkParameters(text string) (isNext bool, rest string, ok bool) {
	related := false // by a rel; the RFC ignores another one
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" || text[0] == ',' {
			return isNext, text, true
		}
		if text[0] != ';' {
			return false, "", false
		}
		text = strings.TrimLeft(text, " \t;")
		end := strings.IndexAny(text+";", "=;,")
		name, value := strings.TrimSpace(text[:end]), ""
		text = text[end:]
		if strings.HasPrefix(text, "=") {
			if value, text, ok = linkValue(strings.TrimLeft(text[1:], " \t")); !ok {
				return false, "", false
			}
		}
		if strings.EqualFold(name, "rel") && !related {
			related, isNext = true, containsWord(value, "next")
		}
	}
}

// linkValue reads a parameter's value, quoted or not. It is not ok where the
// quote does not end.
func linkValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text+";", "; \t,")
		return text[:end], text[end:], true
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[1:i], text[i+1:], true
		}
	}
	return "", "", false
}

func containsWord(text, word string) bool {
	for w := range strings.FieldsSeq(text) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}
