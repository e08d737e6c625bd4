package joblog_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/gitlabci/joblog"
)

// benchmarkLog returns a log of at least 24 MiB as a runner writes one: colored
// lines, plain ones, sections and progress bars, with timestamps if stamped.
func benchmarkLog(stamped bool) []byte {
	var b bytes.Buffer
	at := time.Date(2024, 5, 22, 12, 43, 46, 962646000, time.UTC)
	line := func(text string) {
		if stamped {
			at = at.Add(1234 * time.Microsecond)
			b.WriteString(at.Format("2006-01-02T15:04:05.000000Z 01O "))
		}
		b.WriteString(text)
		b.WriteByte('\n')
	}
	for i := 0; b.Len() < 24<<20; i++ {
		line(fmt.Sprintf("section_start:%d:step_%d[collapsed=true]\r\x1b[0K\x1b[36;1mStep %d of the build\x1b[0;m", at.Unix(), i, i))
		for j := range 200 {
			switch j % 10 {
			case 0:
				line(fmt.Sprintf("\x1b[32;1m$ go test ./internal/package%d/... -run TestSomething%d\x1b[0;m", j, i))
			case 1:
				line(fmt.Sprintf("ok  \texample.com/app/internal/package%d\t%d.%03ds\tcoverage: 87.%d%% of statements", j, j, i%1000, j%10))
			case 2:
				line(strings.Repeat("Downloading module 42%\r", 4) + "Downloaded module golang.org/x/tools v0.30.0")
			default:
				line(fmt.Sprintf("2024/05/22 12:43:46 INFO handled request method=GET path=/api/v4/projects/%d/jobs/%d status=200 took=12.5ms", i, j))
			}
		}
		line(fmt.Sprintf("section_end:%d:step_%d\r\x1b[0K", at.Unix()+3, i))
	}
	return b.Bytes()
}

func BenchmarkLines(b *testing.B) {
	for _, stamped := range []bool{false, true} {
		b.Run(fmt.Sprintf("stamped=%t", stamped), func(b *testing.B) {
			log := benchmarkLog(stamped)
			b.SetBytes(int64(len(log)))
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range joblog.Lines(bytes.NewReader(log)) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkSummarize(b *testing.B) {
	for _, stamped := range []bool{false, true} {
		b.Run(fmt.Sprintf("stamped=%t", stamped), func(b *testing.B) {
			log := benchmarkLog(stamped)
			b.SetBytes(int64(len(log)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := joblog.Summarize(bytes.NewReader(log)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
