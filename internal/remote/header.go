package remote

import (
	"fmt"
	"mime"
	"strings"
	"unicode"

	"example.com/gitlabci/internal/rest"
)

// identity asks for the bytes as they are: compressed on the way, their number
// would not be the file's.
const identity = "identity"

// encoded refuses a file that something compressed on its way unasked.
func encoded(resp *rest.Response) error {
	packed := resp.Header.Get("Content-Encoding")
	if packed == "" || strings.EqualFold(packed, identity) {
		return nil
	}
	return fmt.Errorf("the file is compressed by %q on its way, though that was not asked for", packed)
}

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
