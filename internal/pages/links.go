package pages

import "strings"

// longestLink is the longest Link header that is read, and the longest cursor that
// is sent. GitLab's have some hundred bytes.
const longestLink = 16 << 10

// nextLink finds the target with rel="next" in Link headers as RFC 8288 writes
// them: targets in angle brackets, parameters that may be quoted, and commas
// and semicolons that mean nothing inside either. If it finds none, a damaged
// header may have had it. So may one that is too long to be read.
func nextLink(headers []string) (target string, found, damaged bool) {
	for _, header := range headers {
		if len(header) > longestLink {
			damaged = true
			continue
		}
		target, found, ok := nextLinkIn(header)
		if found {
			return target, true, false
		}
		damaged = damaged || !ok
	}
	return "", false, damaged
}

// nextLinkIn finds the target in one header. Ok is false if the header is damaged before
// it.
func nextLinkIn(text string) (target string, found, ok bool) {
	for {
		text = strings.TrimLeft(text, " \t,")
		if text == "" {
			return "", false, true
		}
		target, parameters, closed := strings.Cut(text, ">")
		if !closed || !strings.HasPrefix(target, "<") {
			return "", false, false
		}
		found, text, ok = linkParameters(parameters)
		if found || !ok {
			return target[1:], found, ok
		}
	}
}

// linkParameters reads the parameters of one link and returns what follows it.
// It is not ok if they do not end as they should.
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
		end := indexAny(text, "=;,")
		name, value := strings.TrimSpace(text[:end]), ""
		text = text[end:]
		if strings.HasPrefix(text, "=") {
			value, text, ok = linkValue(strings.TrimLeft(text[1:], " \t"))
			if !ok {
				return false, "", false
			}
		}
		if strings.EqualFold(name, "rel") && !related {
			related, isNext = true, containsWord(value, "next")
		}
	}
}

// linkValue reads a parameter's value, quoted or not. It is not ok if the
// quote does not end.
func linkValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		end := indexAny(text, "; \t,")
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

// indexAny is where one of the characters begins, or the end of the text. It copies
// nothing: a header may have a thousand parameters.
func indexAny(text, characters string) int {
	if i := strings.IndexAny(text, characters); i >= 0 {
		return i
	}
	return len(text)
}

func containsWord(text, word string) bool {
	for w := range strings.FieldsSeq(text) {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}
