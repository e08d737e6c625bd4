package gitlabci

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

var errBadLink = errors.New("the link to the next page cannot be read")

// nextCursor finds the next page: in the link, of which only the query counts,
// since its host is the instance's own name and not always ours; else, where
// something between has dropped or damaged the link, in the headers beside it.
func nextCursor(header http.Header, query url.Values) (Cursor, error) {
	link, linked, damaged := nextLink(header.Values("Link"))
	if linked {
		target, err := url.Parse(link)
		if err != nil {
			return "", errBadLink
		}
		next, err := Cursor(target.RawQuery).query()
		if err != nil || len(next) == 0 {
			return "", errBadLink
		}
		keepFilters(next, query)
		return cursorOf(next), nil
	}
	for _, step := range []struct{ header, parameter string }{{"X-Next-Page", "page"}, {"X-Next-Cursor", "cursor"}} {
		if value := header.Get(step.header); value != "" {
			next := maps.Clone(query)
			if next == nil {
				next = url.Values{}
			}
			next.Set(step.parameter, value)
			return cursorOf(next), nil
		}
	}
	if _, told := header["X-Next-Page"]; damaged && !told {
		return "", errBadLink
	}
	return "", nil
}

// keepFilters adds to a link what narrows the list that it continues, where the
// link has lost it: the rest of the list would have items that were not asked for.
func keepFilters(next, query url.Values) {
	linked := map[string]bool{}
	for name := range next {
		name, _, _ = strings.Cut(name, "[") // some servers link to "scope" or "scope[0]" for "scope[]"
		linked[name] = true
	}
	for _, name := range []string{
		"status", "scope", "scope[]", "ref", "sha", "source", "name", "username", "yaml_errors",
		"updated_after", "updated_before", "created_after", "created_before", "include_retried", "path", "recursive",
	} {
		if values := query[name]; len(values) > 0 && !linked[strings.TrimSuffix(name, "[]")] {
			next[name] = values
		}
	}
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
