package gitlabci

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// nextCursor finds the next page: in the link, of which only the query counts,
// since its host is the instance's own name and not always ours; else, where
// something between has dropped the link, in the header of its number.
func nextCursor(header http.Header, query url.Values) (Cursor, error) {
	link, linked := nextLink(header.Values("Link"))
	if linked {
		target, err := url.Parse(link)
		if err != nil || target.RawQuery == "" {
			return "", errors.New("the link to the next page cannot be read")
		}
		next, err := Cursor(target.RawQuery).query()
		if err != nil {
			return "", errors.New("the link to the next page cannot be read")
		}
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
	return "", nil
}

// nextLink finds the target with rel="next" in Link headers as RFC 8288 writes
// them: targets in angle brackets, parameters that may be quoted, and commas
// and semicolons that mean nothing inside either.
func nextLink(headers []string) (string, bool) {
	for _, rest := range headers {
		for {
			_, after, found := strings.Cut(rest, "<")
			if !found {
				break
			}
			target, parameters, found := strings.Cut(after, ">")
			if !found {
				break
			}
			isNext := false
			isNext, rest = linkParameters(parameters)
			if isNext {
				return target, true
			}
		}
	}
	return "", false
}

// linkParameters reads the parameters of one link and returns what follows it.
func linkParameters(text string) (isNext bool, rest string) {
	for {
		text = strings.TrimLeft(text, " \t;")
		end := strings.IndexAny(text, "=;,")
		if end < 0 || text[end] == ',' {
			return isNext, text[max(end, 0):]
		}
		name := strings.TrimSpace(text[:end])
		value := ""
		if text[end] == '=' {
			value, text = linkValue(strings.TrimLeft(text[end+1:], " \t"))
		} else {
			text = text[end:]
		}
		if strings.EqualFold(name, "rel") && containsWord(value, "next") {
			isNext = true
		}
	}
}

// linkValue reads a parameter's value, quoted or not.
func linkValue(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ";,")
		if end < 0 {
			end = len(text)
		}
		return strings.TrimSpace(text[:end]), text[end:]
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[1:i], text[i+1:]
		}
	}
	return text[1:], ""
}

func containsWord(text, word string) bool {
	for _, w := range strings.Fields(text) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}
