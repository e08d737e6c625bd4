package remote

import (
	"mime"
	"strings"
	"unicode"

	"example.com/gitlabci/internal/rest"
)

// fileName is what the server calls the file, without folders, which are the
// caller's to choose.
func fileName(resp *rest.Response) string {
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	if err == nil && params["filename"] != "" {
		return baseName(params["filename"])
	}
	return baseName(resp.Request.URL.Path)
}

// baseName is the last part of a path on any system, "" if there is none.
func baseName(path string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(path, "\uFFFD"))
	name = name[strings.LastIndexAny(name, `/\:`)+1:]
	if name == "." || name == ".." {
		return ""
	}
	return name
}
