package served

import (
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// Base is the base URL of a GitLab at url whose responses take so long, and whose
// lists, test report and artifacts have that size.
func Base(url string, delay time.Duration, size int) string {
	return fmt.Sprintf("%s/%v/%d", url, delay, size)
}

// FileBase is the base URL of a GitLab at url whose job has the archive of that
// name.
func FileBase(url, name string) string { return url + "/files/" + filepath.Base(name) }

// StorageBase is the base URL of a GitLab at url whose job has an archive of that size,
// which is in a storage with a limit for each connection: StorageRate.
func StorageBase(url string, size int) string { return fmt.Sprintf("%s/storage/%d", url, size) }

// Counts are of what a server has sent so far.
type Counts struct {
	Bytes    int64 // of bodies
	Requests int64 // for archives of the directory
}

// CountsAt returns those of the server at url.
func CountsAt(url string) (c Counts, err error) {
	resp, err := http.Get(url + "/served")
	if err != nil {
		return c, err
	}
	defer resp.Body.Close()
	_, err = fmt.Fscan(resp.Body, &c.Bytes, &c.Requests)
	return c, err
}
