package joblog

import "bytes"

// A stage is a part of a job's log.
type stage uint8

const (
	loose     stage = iota // unknown: an excerpt, or a script that echoes nothing
	preparing              // the runner's stages before the script
	scripting              // the script, with before_script
	uploading              // the artifacts of a script that succeeded
	closing                // after_script, and the runner's stages behind it
)

// stages are those of the runner's sections. Runners before 13.1 say build_script.
var stages = map[string]stage{
	"step_script":                 scripting,
	"build_script":                scripting,
	"prepare_executor":            preparing,
	"prepare_script":              preparing,
	"resolve_secrets":             preparing,
	"get_sources":                 preparing,
	"clear_worktree":              preparing,
	"restore_cache":               preparing,
	"download_artifacts":          preparing,
	"after_script":                closing,
	"archive_cache":               closing,
	"archive_cache_on_failure":    closing,
	"upload_artifacts_on_success": uploading,
	"upload_artifacts_on_failure": closing,
	"cleanup_file_variables":      closing,
}

// stageOf returns the stage that a section is. The runner names the steps of a job
// step_NAME: mostly there is one, step_script.
func stageOf(name string) stage {
	if s, ok := stages[name]; ok {
		return s
	}
	if len(name) > len("step_") && name[:len("step_")] == "step_" {
		return scripting
	}
	return loose
}

// A phrase is what the runner writes in a log without sections where a stage begins.
type phrase struct {
	text  string
	whole bool // the line is no longer
	stage stage
}

var phrases = []phrase{
	{"Running with gitlab-", false, preparing},
	{`Executing "step_script" stage of the job script`, true, scripting},
	{`Executing "build_script" stage of the job script`, true, scripting},
	{"Running after script...", true, closing},
	{"Running after_script", true, closing},
	{"Uploading artifacts...", true, closing},
	{"Uploading artifacts for failed job", true, closing},
	{"Uploading artifacts for successful job", true, closing},
	{"Saving cache", true, closing},
	{"Saving cache for failed job", true, closing},
	{"Cleaning up project directory and file based variables", true, closing},
	{"Cleaning up file based variables", true, closing},
}

// A position follows in which stage the lines of a log are.
type position struct {
	section     *Section // the outermost of the line before, if it is the runner's
	within      stage    // of it
	outside     stage    // of lines outside such sections
	done        bool     // whether after_script has begun, whose commands are echoed too
	greenEchoes bool     // whether the runner echoes commands in green
}

// at returns the stage of a line, and whether it is a command that the runner echoes.
func (p *position) at(d *draft, text []byte) (s stage, echo bool) {
	if s = p.sectionStage(d); s == loose {
		s = p.outsideStage(d, text)
		return s, s == scripting && p.isEcho(d, text)
	}
	if p.outside = s; s >= scripting {
		p.outside = closing // what follows its end is the runner's
	}
	return s, s == scripting && p.isEcho(d, text)
}

func (p *position) sectionStage(d *draft) stage {
	if len(d.sections) == 0 {
		return loose
	}
	if first := d.sections[0]; first != p.section {
		p.section, p.within = first, stageOf(first.Name)
	}
	return p.within
}

// outsideStage goes by what the runner writes.
func (p *position) outsideStage(d *draft, text []byte) stage {
	if len(text) == 0 || p.section != nil && p.within != loose && p.outside == closing {
		return p.outside
	}
	switch text[0] {
	case 's':
		if s, ok := bareMarkers(text); ok && s != loose {
			p.outside = s
		}
	case '$':
		if !p.done && p.isEcho(d, text) {
			p.outside = scripting
		}
	case 'R', 'E', 'U', 'S', 'C':
		for i := range phrases {
			if ph := &phrases[i]; ph.is(text) && ph.stage >= p.outside {
				p.outside = ph.stage
				p.done = p.done || bytes.HasPrefix(text, []byte("Running after"))
			}
		}
	}
	return p.outside
}

func (ph *phrase) is(text []byte) bool {
	if len(text) < len(ph.text) || string(text[:len(ph.text)]) != ph.text {
		return false
	}
	rest := text[len(ph.text):]
	return !ph.whole || len(rest) == 0 || rest[0] == ' ' && isDuration(rest[1:])
}

// bareMarkers reads the markers that a line begins with, of a log that lost its control
// characters where someone copied it. It returns the stage that they begin.
func bareMarkers(text []byte) (s stage, ok bool) {
	for {
		begins := bytes.HasPrefix(text, []byte(markerStart))
		rest, cut := bytes.CutPrefix(text, []byte(markerStart))
		if !begins {
			rest, cut = bytes.CutPrefix(text, []byte(markerEnd))
		}
		digits := span(rest, isDigit)
		if !cut || digits == 0 || digits == len(rest) || rest[digits] != ':' {
			return s, ok
		}
		name := stageName(rest[digits+1:])
		switch stage := stageOf(name); {
		case begins:
			s = stage
		case stage >= scripting:
			s = closing
		}
		ok, text = true, bytes.TrimLeft(rest[digits+1+len(name):], "\r ")
	}
}

// stageName returns the name of a section that b begins with: what follows it is another
// marker, or a header.
func stageName(b []byte) string {
	for name := range stages {
		if bytes.HasPrefix(b, []byte(name)) && !bytes.HasPrefix(b[len(name):], []byte("_on_")) {
			return name
		}
	}
	return string(b[:span(b, isNameByte)])
}

// isDuration reports whether text is what GitLab's page shows beside a section, such as
// 00:03 or 01:02:03. A person who copies a log from there copies that, too.
func isDuration(text []byte) bool {
	return len(text) >= len("00:00") && len(text) <= len("00:00:00") && text[2] == ':' &&
		span(text, func(c byte) bool { return isDigit(c) || c == ':' }) == len(text)
}

// greenEcho is how the runner echoes a command in colors.
var greenEcho = []byte("\x1b[32;1m$ ")

// isEcho reports whether a line is a command that the runner echoes. Scripts may write
// such lines too: where the runner's are green, only those count.
func (p *position) isEcho(d *draft, text []byte) bool {
	if !bytes.HasPrefix(text, []byte("$ ")) {
		return false
	}
	if bytes.Contains(d.styled[:min(len(d.styled), 64)], greenEcho) {
		p.greenEchoes = true
		return true
	}
	return !p.greenEchoes
}
