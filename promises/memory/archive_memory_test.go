package memory_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

const manyFiles = 260_000

// manyFilesZip is an archive of many files, which are empty.
func manyFilesZip(t *testing.T) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range manyFiles {
		_, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("build/dir%02d/sub%02d/file%06d.txt", i%20, i/20%20, i)})
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// To read the directory of an archive takes 50 MiB for 260,000 files, in any place.
func TestMemoryOfDirectories(t *testing.T) {
	if testkit.UnderRace() {
		t.Skip("the race detector has nothing to find here, and takes its time")
	}
	const most = 50 << 20
	data := manyFilesZip(t)
	none := &gitlabci.ExtractOptions{Match: []string{"nothing"}}

	var err error
	allocated := testkit.Allocated(func() {
		_, err = gitlabci.ExtractZip(t.Context(), bytes.NewReader(data), int64(len(data)), t.TempDir(), none)
	})
	require.ErrorIs(t, err, fs.ErrNotExist)
	t.Logf("%d bytes of an archive at hand", allocated)
	require.LessOrEqual(t, allocated, uint64(most))

	var network memnet.Network
	network.Handle(testkit.Host, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"many"`)
		http.ServeContent(w, r, "artifacts.zip", time.Time{}, bytes.NewReader(data))
	}))
	client, err := gitlabci.NewClient(gitlabci.WithBaseURL("https://"+testkit.Host), gitlabci.WithToken(testkit.Token), gitlabci.WithTransport(network.Transport()))
	require.NoError(t, err)
	allocated = testkit.Allocated(func() {
		_, err = client.Artifacts.Extract(t.Context(), "group/app", gitlabci.JobID(7), t.TempDir(), none)
	})
	require.ErrorIs(t, err, fs.ErrNotExist)
	t.Logf("%d bytes of a remote archive", allocated)
	require.LessOrEqual(t, allocated, uint64(most))
}
