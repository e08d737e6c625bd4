package main

import (
	"bytes"
	"flag"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit/light"
)

var renew = flag.Bool("renew", false, "write timeline.png, the picture of README.md")

// write writes a page of a pipeline of a fake.
func write(t *testing.T, srv *gitlabcitest.Server, pipeline gitlabci.PipelineID) string {
	t.Helper()
	s := &settings{project: "group/app", pipeline: pipeline, file: filepath.Join(t.TempDir(), "page.html")}
	if err := s.show(t.Context(), srv.Client(), t.Output(), t.Output()); err != nil {
		t.Fatal(err)
	}
	return s.file
}

// Hostile names.
const (
	script  = `<script>document.title = "taken"; alert(1)</script>`
	img     = `"><img src=x onerror="document.title = 'taken'">`
	closing = `</style></svg></title>{{.}}' onmouseover='alert(1)`
	turned  = "\u202Etset\u2066 עברית"
)

// writeHostile writes a page of a pipeline whose names are hostile.
func writeHostile(t *testing.T) string {
	t.Helper()
	srv := gitlabcitest.NewServer()
	began := time.Now().Add(-time.Hour)
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{
		Name: script, Ref: img, YAMLErrors: closing, Status: gitlabci.StatusFailed, CreatedAt: began,
		TestReport: &gitlabci.TestReport{TestSuites: []gitlabci.TestSuite{{Name: img, TestCases: []gitlabci.TestCase{
			{Name: script, Status: gitlabci.TestStatusFailed, SystemOutput: closing + strings.Repeat("W", 300)},
		}}}},
	})
	for i, name := range []string{script, img, closing, turned, strings.Repeat("W", 300), strings.Repeat("long name ", 30)} {
		stage := []string{"one", img, strings.Repeat("stage", 50)}[i%3]
		p.AddJob(gitlabcitest.Job{
			Name: name, Stage: stage, Status: gitlabci.StatusFailed, FailureReason: gitlabci.FailureReason(script), Log: "ERROR: " + name + "\n",
			CreatedAt: began.Add(time.Duration(i) * time.Minute), Duration: time.Minute,
		})
	}
	return write(t, srv, p.ID)
}

// Names that others chose are shown as text, and cannot become markup.
func TestHostileNames(t *testing.T) {
	page, err := os.ReadFile(writeHostile(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{script, img, closing, "\uFFFDtset\uFFFD עברית"} {
		if !strings.Contains(html.UnescapeString(string(page)), "<bdi>"+name+"</bdi>") {
			t.Errorf("%q is missing", name)
		}
		if strings.ContainsAny(name, "<>") && strings.Contains(string(page), name) {
			t.Errorf("%q is not escaped", name)
		}
	}
	if strings.ContainsAny(string(page), "\u202E\u2066") {
		t.Error("the page has control characters of bidirectional text")
	}
	if found := regexp.MustCompile(`<(?:script|style|img|title)\b`).FindAllString(string(page), -1); fmt.Sprint(found) != "[<title <style <script]" {
		t.Errorf("the page has %v", found)
	}
}

// writeLarge writes a page of a pipeline with 200 jobs, which are many screens.
func writeLarge(t *testing.T) string {
	t.Helper()
	srv := gitlabcitest.NewServer()
	began := time.Now().Add(-time.Hour)
	p := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed, CreatedAt: began})
	for i := range 200 {
		stage, n := i/40, i%40
		queued := began.Add(time.Duration(stage)*10*time.Minute + time.Duration(n)*time.Second/10)
		job := gitlabcitest.Job{
			Name: fmt.Sprintf("part %d/40", n+1), Stage: fmt.Sprint("stage ", stage+1), CreatedAt: queued,
			StartedAt: queued.Add(time.Duration(n%20*7) * time.Second), Duration: time.Duration(60+n*7%300) * time.Second,
		}
		job.Name = fmt.Sprintf("%s of stage %d", job.Name, stage+1)
		if n%29 == 5 {
			job.Status = gitlabci.StatusFailed
		}
		p.AddJob(job)
	}
	return write(t, srv, p.ID)
}

// A look is how a page is shown.
type look struct {
	name    string
	write   func(*testing.T) string // returns the file
	schemes string
	width   int
	jobs    int // that are gone through with the keyboard
}

// In a real browser the page is legible, accessible, and used with the keyboard. A run tries
// the wide demo, one of the other looks and one use; GITLABCI_TEST_ALL=1 tries all of them.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a browser")
	}
	b := startBrowser(t)
	if os.Getenv("GITLABCI_TEST_AXE") == "" {
		t.Log("axe-core is not used, since GITLABCI_TEST_AXE does not name an axe.min.js: .ci/run does")
	}
	demo := filepath.Join(t.TempDir(), "demo.html")
	if err := run(t.Context(), []string{"-demo", "-o", demo}, t.Output(), t.Output()); err != nil {
		t.Fatal(err)
	}
	b.attach()
	ofDemo := func(*testing.T) string { return demo }
	for _, look := range append(light.OneOf([]look{
		{"demo", ofDemo, "dark light", 800, 0}, {"large", writeLarge, "dark", 800, 200},
		{"hostile", writeHostile, "light", 800, 0}, {"hostile", writeHostile, "dark", 1280, 0},
	}), look{"demo", ofDemo, "dark light", 1280, 19}) {
		for i, scheme := range strings.Fields(look.schemes) {
			what := fmt.Sprintf("%s-%s-%d", look.name, scheme, look.width)
			b.emulate(look.width, 900, scheme)
			if i == 0 {
				b.open(look.write(t))
			}
			b.save(what+".png", b.screenshot)
			b.fits(what)
			if look.name != "large" { // in which there is nothing else, and axe-core takes long
				b.accessible(what)
			}
		}
		if look.jobs > 0 {
			b.keys(look.jobs)
		}
		b.clean()
	}
	b.emulate(1280, 900, "light")
	for _, use := range light.OneOf([]func(string){b.hovers, b.filters, b.prints}) {
		use(demo)
	}
	if *renew {
		b.picture(demo, "timeline.png")
	}
}

// fits fails if something is wider than the window, or texts overlap.
func (b *browser) fits(what string) {
	b.t.Helper()
	if wide := b.text(`document.documentElement.scrollWidth > innerWidth ? "the page" : ""`); wide != "" {
		b.t.Errorf("%s: %s is wider than the window", what, wide)
	}
	if title := b.text(`document.title`); !strings.HasPrefix(title, "Pipeline 10") {
		b.t.Errorf("%s: the title is %q", what, title)
	}
	if labels := b.text(`(() => {
		const boxes = [...document.querySelectorAll(".axis text")].map(label => label.getBoundingClientRect());
		return boxes.some((box, i) => i > 0 && box.left < boxes[i-1].right || box.right > innerWidth) ? boxes.map(box => box.left + " to " + box.right).join() : "";
	})()`); labels != "" {
		b.t.Errorf("%s: labels of the axis overlap: %s", what, labels)
	}
	if left := b.text(`(() => {
		const bars = document.querySelector(".axis svg").getBoundingClientRect();
		return [...document.querySelectorAll(".row")].filter(row => {
			const name = row.querySelector(".name").getBoundingClientRect(), own = row.querySelector(".bars").getBoundingClientRect();
			return Math.abs(own.left - bars.left) > 1 || Math.abs(own.width - bars.width) > 1 || name.left > own.left || row.getBoundingClientRect().height != 22;
		}).map(row => row.parentElement.id).join();
	})()`); left != "" {
		b.t.Errorf("%s: not aligned with the axis: %.200s", what, left)
	}
}

// focused is the job that has the focus, and what its tip says.
const focused = `(() => {
	const row = document.activeElement.closest(".row"), tip = row?.querySelector(".tip");
	return row ? row.querySelector(".name").textContent + (tip.getBoundingClientRect().height > 20 ? ": " + tip.textContent : "") : document.activeElement.tagName;
})()`

// keys goes through the jobs with the keyboard.
func (b *browser) keys(jobs int) {
	b.t.Helper()
	b.eval(`document.querySelector("#show-all").focus()`, nil)
	b.press("Tab", "Tab") // over the first stage
	first := b.text(`document.querySelector(".row .name").textContent`)
	if got := b.text(focused); !strings.HasPrefix(got, first+": ") || !strings.Contains(got, "success. ") {
		b.t.Errorf("Tab leads to %q, not to %q", got, first)
	}
	b.press("ArrowDown", "ArrowDown", "ArrowUp")
	second := b.text(`document.querySelectorAll(".row .name")[1].textContent`)
	if got := b.text(focused); !strings.HasPrefix(got, second+": ") {
		b.t.Errorf("arrow keys lead to %q, not to %q", got, second)
	}
	b.press("Escape")
	if got := b.text(focused); got != second {
		b.t.Errorf("after Escape there is %q", got)
	}
	b.press("End")
	if got := b.text(`String([...document.querySelectorAll(".row")].indexOf(document.activeElement) + 1)`); got != fmt.Sprint(jobs) {
		b.t.Errorf("End leads to job %s", got)
	}
	if got := b.text(`String(document.activeElement.getBoundingClientRect().bottom <= innerHeight)`); got != "true" {
		b.t.Error("the job is not in the window")
	}
	b.press("Home")
	if got := b.text(focused); !strings.HasPrefix(got, first+": ") {
		b.t.Errorf("Home leads to %q", got)
	}
	if got := b.text(`String(document.querySelectorAll('.row[tabindex="0"]').length)`); got != "1" {
		b.t.Errorf("%s jobs are in the order of the Tab key", got)
	}
	if got := b.text(`document.activeElement.href`); !strings.HasPrefix(got, "https://gitlab.example.com/group/app/-/jobs/") {
		b.t.Errorf("Enter leads to %q", got)
	}
}

// hovers points to a job.
func (b *browser) hovers(file string) {
	b.t.Helper()
	b.open(file)
	var at struct{ X, Y float64 }
	b.eval(`(() => { const box = document.querySelector(".bad .bars").getBoundingClientRect(); return {X: box.left + 5, Y: box.top + 5}; })()`, &at)
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": at.X, "y": at.Y}, nil)
	if got := b.text(`document.querySelector(".row:hover .tip").textContent`); !strings.Contains(got, "script failure") {
		b.t.Errorf("the page says %q", got)
	}
	b.save("hover.png", b.screenshot)
	for expression, want := range map[string]bool{`document.querySelector(".row:hover .tip").getBoundingClientRect().height > 40`: true, `document.querySelector(".row:not(:hover) .tip").getBoundingClientRect().height > 20`: false} {
		var shown bool
		if b.eval(expression, &shown); shown != want {
			b.t.Errorf("%s is %v", expression, shown)
		}
	}
}

// filters shows fewer jobs, and opens a closed stage by a link.
func (b *browser) filters(file string) {
	b.t.Helper()
	b.open(file)
	const shown = `[...document.querySelectorAll(".row")].filter(row => row.checkVisibility()).map(row => row.querySelector(".name").textContent).join(", ")`
	b.eval(`document.querySelector("#show-bad").click()`, nil)
	if got := b.text(shown); got != "lint, unit 1/3, end to end, checkout 3/3" {
		b.t.Errorf("failed and retried are %s", got)
	}
	b.eval(`document.querySelector("#show-critical").click()`, nil)
	if got, want := b.text(shown), b.text(`[...document.querySelectorAll(".path li a")].map(a => a.textContent).join(", ")`); got != want {
		b.t.Errorf("the critical path is %s, and shown are %s", want, got)
	}
	b.eval(`document.querySelector("#show-all").click(); document.querySelector(".stage").open = false`, nil)
	b.eval(`new Promise(done => { addEventListener("hashchange", done); document.querySelector(".path a").click(); }).then(() => 0)`, nil)
	if got, want := b.text(focused), b.text(`document.querySelector(".path a").textContent`); !strings.HasPrefix(got, want+": ") {
		b.t.Errorf("a link leads to %q, not to %q", got, want)
	}
}

// prints prints the page.
func (b *browser) prints(file string) {
	b.t.Helper()
	b.open(file)
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	if got := b.text(`getComputedStyle(document.body).backgroundColor`); got != "rgb(255, 255, 255)" {
		b.t.Errorf("paper is %s", got)
	}
	b.save("print.png", b.screenshot)
	var paper struct{ Data []byte }
	b.call("Page.printToPDF", map[string]any{"printBackground": true}, &paper)
	if !strings.HasPrefix(string(paper.Data), "%PDF-") {
		b.t.Error("it cannot be printed")
	}
	b.save("page.pdf", func() []byte { return paper.Data })
}

// picture writes a picture of the page for README.md, in few colors so that it is small.
func (b *browser) picture(file, name string) {
	b.t.Helper()
	b.emulate(1280, 1020, "light")
	b.open(file)
	shot, err := png.Decode(bytes.NewReader(b.screenshot()))
	if err != nil {
		b.t.Fatal(err)
	}
	count, bounds := map[color.Color]int{}, shot.Bounds()
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			count[shot.At(x, y)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	small := image.NewPaletted(bounds, most[:min(len(most), 64)])
	draw.Draw(small, bounds, shot, image.Point{}, draw.Src)
	out, err := os.Create(name)
	if err != nil {
		b.t.Fatal(err)
	}
	defer out.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(out, small); err != nil {
		b.t.Fatal(err)
	}
}

// README.md shows a picture, which is small.
func TestPictureOfReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := os.Stat("timeline.png")
	if err != nil || picture.Size() >= 100_000 || !strings.Contains(string(readme), "(timeline.png)") {
		t.Errorf("the picture: %v, %v", picture, err)
	}
}
