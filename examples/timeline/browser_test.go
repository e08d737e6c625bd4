package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A browser is a headless Chromium with a page, driven by the DevTools protocol over pipes.
type browser struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	session string
	calls   int
	events  []event // so far
}

// An event is what Chromium sends without a request.
type event struct {
	Method string
	Params struct {
		Request struct{ URL string }  // of Network.requestWillBeSent
		Entry   struct{ Text string } // of Log.entryAdded
	}
}

// startBrowser starts Chromium, which ends with the test. Until it is ready, the test can do
// something else, and then attach.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed: .ci/run installs it")
	}
	out, itsOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	itsIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// --no-sandbox since Chromium's own does not work for root in a container.
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--no-first-run", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{itsIn, itsOut}
	cmd.Stderr, cmd.WaitDelay = io.Discard, time.Minute // so Wait waits for all its processes, which write to its folder
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	itsIn.Close()
	itsOut.Close()
	limit := time.AfterFunc(3*time.Minute, func() { cmd.Process.Kill() }) // so that a test that hangs ends
	b := &browser{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		b.write("Browser.close", nil)
		cmd.Wait() // that it was killed is an error, too
		limit.Stop()
		in.Close()
		out.Close()
	})
	return b
}

// attach waits until Chromium is ready, and lets it report what happens on a page.
func (b *browser) attach() {
	b.t.Helper()
	var target struct{ TargetID, SessionID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	b.session = target.SessionID
	for _, domain := range []string{"Page", "Network", "Log", "Runtime"} {
		b.call(domain+".enable", nil, nil)
	}
}

func (b *browser) write(method string, params any) {
	b.calls++
	message, err := json.Marshal(map[string]any{"id": b.calls, "method": method, "params": params, "sessionId": b.session})
	if err != nil {
		b.t.Fatal(err)
	}
	if b.session == "" {
		message = bytes.Replace(message, []byte(`,"sessionId":""`), nil, 1)
	}
	b.in.Write(append(message, 0)) // the read that follows fails if Chromium has ended
}

// read reads the next message. It keeps it if that is an event.
func (b *browser) read() (id int, result json.RawMessage) {
	b.t.Helper()
	text, err := b.out.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("chromium has ended: %v", err)
	}
	var message struct {
		event
		ID     int
		Result json.RawMessage
		Error  struct{ Message string }
	}
	if err := json.Unmarshal(text[:len(text)-1], &message); err != nil {
		b.t.Fatal(err)
	}
	if message.Error.Message != "" {
		b.t.Fatal(message.Error.Message)
	}
	if message.Method != "" {
		b.events = append(b.events, message.event)
	}
	return message.ID, message.Result
}

// call has Chromium do something.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	b.write(method, params)
	for {
		id, raw := b.read()
		if id != b.calls {
			continue
		}
		if result != nil {
			if err := json.Unmarshal(raw, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// open opens a file, and waits until it is loaded.
func (b *browser) open(file string) {
	b.t.Helper()
	b.events = nil
	b.call("Page.navigate", map[string]any{"url": "file://" + file}, nil)
	for i := 0; ; i++ {
		for ; i == len(b.events); b.read() {
		}
		if b.events[i].Method == "Page.loadEventFired" {
			return
		}
	}
}

// emulate sets the size of the window, and the color scheme.
func (b *browser) emulate(width, height int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	features := []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": "", "features": features}, nil)
}

// eval computes an expression, or what it promises, into result.
func (b *browser) eval(expression string, result any) {
	b.t.Helper()
	var reply struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails struct {
			Exception struct{ Description string }
		}
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &reply)
	if text := reply.ExceptionDetails.Exception.Description; text != "" {
		b.t.Fatalf("%.100s: %s", expression, text)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(reply.Result.Value, result); err != nil {
		b.t.Fatalf("%.100s is %q: %v", expression, reply.Result.Value, err)
	}
}

// text is a text that the page computes.
func (b *browser) text(expression string) (text string) {
	b.t.Helper()
	b.eval(expression, &text)
	return text
}

// codes are those of the keys that have no letter.
var codes = map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowUp": 38, "ArrowDown": 40}

// press presses keys.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		for _, kind := range []string{"rawKeyDown", "keyUp"} {
			b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}, nil)
		}
	}
}

// screenshot is a picture of the window, as a PNG.
func (b *browser) screenshot() []byte {
	b.t.Helper()
	var shot struct{ Data []byte }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "optimizeForSpeed": true}, &shot)
	return shot.Data
}

// save writes a file for people to look at, if -artifacts asks for it.
func (b *browser) save(name string, data func() []byte) {
	b.t.Helper()
	if flag.Lookup("test.artifacts").Value.String() != "true" {
		return
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name), data(), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// clean fails if the page requests anything but itself, or if Chromium reports an error,
// such as something that the page's policy forbids.
func (b *browser) clean() {
	b.t.Helper()
	for _, e := range b.events {
		switch {
		case e.Method == "Network.requestWillBeSent" && !strings.HasPrefix(e.Params.Request.URL, "file://"):
			b.t.Errorf("the page requests %s", e.Params.Request.URL)
		case e.Method == "Log.entryAdded":
			b.t.Errorf("Chromium says: %s", e.Params.Entry.Text)
		case e.Method == "Runtime.exceptionThrown" || e.Method == "Page.javascriptDialogOpening":
			b.t.Errorf("on the page there was %s", e.Method)
		}
	}
}

// accessible fails if axe-core finds something.
func (b *browser) accessible(what string) {
	b.t.Helper()
	file := os.Getenv("GITLABCI_TEST_AXE")
	if file == "" {
		return // TestBrowser has said so
	}
	axe, err := os.ReadFile(file)
	if err != nil {
		b.t.Fatal(err)
	}
	b.eval(string(axe)+";0", nil)
	var found []struct {
		ID, Help string
		Nodes    []struct{ HTML string }
	}
	b.eval(`axe.run().then(r => r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => ({html: n.html}))})))`, &found)
	for _, one := range found {
		b.t.Errorf("%s: %s: %s %.600s", what, one.ID, one.Help, fmt.Sprint(one.Nodes))
	}
}
