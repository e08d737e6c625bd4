package memory_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/internal/memnet"
	"example.com/gitlabci/internal/testkit"
)

const manyFiles = 260_000

// manyFilesZip is an archive of many files, which are empty. It repeats what archive/zip
// writes for one of them, with other names and offsets: packing each of them would take most
// of the test's time.
func manyFilesZip(t *testing.T) []byte {
	const format, atEntry, atEnd = "build/dir%02d/sub%02d/file%06d.txt", "PK\x01\x02", "PK\x05\x06"
	const nameInMember, nameInEntry, offsetInEntry = 30, 46, 42
	var one bytes.Buffer
	w := zip.NewWriter(&one)
	_, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf(format, 0, 0, 0)})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	member, rest, _ := bytes.Cut(one.Bytes(), []byte(atEntry))
	rest, _, _ = bytes.Cut(rest, []byte(atEnd))
	entry := append([]byte(atEntry), rest...)

	members, directory := bytes.Repeat(member, manyFiles), bytes.Repeat(entry, manyFiles)
	var name []byte
	for i := range manyFiles {
		name = fmt.Appendf(name[:0], format, i%20, i/20%20, i)
		copy(members[i*len(member)+nameInMember:], name)
		copy(directory[i*len(entry)+nameInEntry:], name)
		binary.LittleEndian.PutUint32(directory[i*len(entry)+offsetInEntry:], uint32(i*len(member)))
	}
	end, err := binary.Append(nil, binary.LittleEndian, zip64End{
		Signature: 0x06064b50, Left: 44, Entries: [2]uint64{manyFiles, manyFiles}, Size: uint64(len(directory)), Start: uint64(len(members)),
		Locator: 0x07064b50, End: uint64(len(members) + len(directory)), Disks: 1,
	})
	require.NoError(t, err)
	return slices.Concat(members, directory, end, []byte(atEnd), make([]byte, 4), bytes.Repeat([]byte{0xff}, 12), make([]byte, 2))
}

// A zip64End is what archives of more than 65,535 files have before the usual end, with the
// locator that follows it.
type zip64End struct {
	Signature        uint32
	Left             uint64
	Versions, _      uint16
	Disk, FirstDisk  uint32
	Entries          [2]uint64
	Size, Start      uint64
	Locator, LastOne uint32
	End              uint64
	Disks            uint32
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
