package served

import (
	"archive/zip"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
)

const (
	// Member is the one file that is read out of a large archive.
	Member = "reports/summary.txt"
	// MemberSize is its size in bytes.
	MemberSize = 10_000
)

// WriteZip writes an archive of so many files, of size bytes together and taken
// from text in turn, and one more: Member.
func WriteZip(name string, files, size int, method uint16, text []byte) (err error) {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := zip.NewWriter(out)
	for i := range files {
		if i == files/2 {
			if err := writeFile(w, Member, method, text[:MemberSize], MemberSize); err != nil {
				return err
			}
		}
		name := fmt.Sprintf("build/dir%02d/sub%02d/file%05d.txt", i%20, i/20%20, i)
		from := i * 7919 % (len(text) / 2)
		if err := writeFile(w, name, method, text[from:], size/files); err != nil {
			return err
		}
	}
	return w.Close()
}

// writeFile writes a file of size bytes that repeats text.
func writeFile(w *zip.Writer, name string, method uint16, text []byte, size int) error {
	file, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
	for left := size; left > 0 && err == nil; left -= min(left, len(text)) {
		_, err = file.Write(text[:min(left, len(text))])
	}
	return err
}

// Words is that much text, which deflates as source code and logs do.
func Words(size int) []byte {
	draw := rand.New(rand.NewPCG(1, 2))
	var known [4000]string
	for i := range known {
		word := make([]byte, 2+draw.IntN(9))
		for j := range word {
			word[j] = byte('a' + draw.IntN(26))
		}
		known[i] = string(word)
	}
	text := make([]byte, 0, size+16)
	for len(text) < size {
		text = append(text, known[draw.IntN(1+draw.IntN(1+draw.IntN(len(known))))]...)
		text = append(text, " \n(="[draw.IntN(4)])
	}
	return text[:size]
}
