package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// short is a length of time in at most two units.
func short(d time.Duration) string {
	if d < 0 {
		return "-" + short(-d)
	}
	switch s := d.Round(time.Second); {
	case d == 0:
		return "0s"
	case d < 10*time.Second && d%time.Second != 0:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case s < time.Minute:
		return fmt.Sprintf("%ds", s/time.Second)
	case s < time.Hour:
		return units(s, time.Minute, "m", time.Second, "s")
	case s < 48*time.Hour:
		return units(s, time.Hour, "h", time.Minute, "m")
	default:
		return units(s, 24*time.Hour, "d", time.Hour, "h")
	}
}

func units(d, large time.Duration, one string, small time.Duration, other string) string {
	text := fmt.Sprintf("%d%s", d/large, one)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf(" %d%s", rest, other)
	}
	return text
}

// offset is a time since the start of the pipeline.
func offset(d time.Duration) string {
	if d < 0 {
		return short(d)
	}
	return "+" + short(d)
}

// words makes the words of GitLab, such as "script_failure", readable.
func words(text string) string { return strings.ReplaceAll(text, "_", " ") }

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// link returns a URL that is safe to click on, or "#" in place of any other.
func link(text string) string {
	if u, err := url.Parse(text); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		return text
	}
	return "#"
}

// cut leaves at most so many letters of a text.
func cut(text string, most int) string {
	letters := []rune(text)
	if len(letters) <= most {
		return text
	}
	return string(letters[:most-1]) + "…"
}

// projectOf is the path of the project that has a page of GitLab.
func projectOf(page string) string {
	u, err := url.Parse(page)
	if err != nil {
		return ""
	}
	path, _, _ := strings.Cut(u.Path, "/-/")
	return strings.TrimPrefix(path, "/")
}
