package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"example.com/gitlabci"
)

// settings are what the command line asks for.
type settings struct {
	demo    bool
	log     bool
	project gitlabci.ProjectID
	ref     string
	opts    gitlabci.RunOptions
}

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{project: "group/app"}
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		io.WriteString(out, usage)
		flags.PrintDefaults()
	}
	flags.BoolVar(&s.demo, "demo", false, "run a pipeline of a fake GitLab, without a token or a network")
	flags.BoolVar(&s.log, "log", false, "print the logs of jobs as they run, in place of a table")
	flags.StringVar(&s.ref, "ref", "main", "the branch or tag to run on")
	flags.BoolVar(&s.opts.Watch.Downstream, "downstream", false, "wait for the pipelines that trigger jobs start, too")
	flags.Func("var", "a pipeline variable, as `KEY=value`; may be repeated", s.addVariable)
	flags.Func("input", "a pipeline input, as `name=value`; true, 1 and [\"a\"] are what they are in JSON,\nand anything else is text; may be repeated", s.addInput)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if !s.demo && flags.NArg() != 1 {
		flags.Usage()
		return nil, errors.New("name one project, or use -demo")
	}
	if !s.demo {
		s.project = gitlabci.ProjectID(flags.Arg(0))
	}
	return s, nil
}

func (s *settings) addVariable(text string) error {
	key, value, found := strings.Cut(text, "=")
	if !found || key == "" {
		return fmt.Errorf("not KEY=value")
	}
	s.opts.Create.Variables = append(s.opts.Create.Variables, &gitlabci.Variable{Key: key, Value: value})
	return nil
}

func (s *settings) addInput(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found || name == "" {
		return fmt.Errorf("not name=value")
	}
	if s.opts.Create.Inputs == nil {
		s.opts.Create.Inputs = map[string]any{}
	}
	var parsed any
	if err := json.Unmarshal([]byte(value), &parsed); err != nil || parsed == nil {
		parsed = value // text without quotation marks
	}
	s.opts.Create.Inputs[name] = parsed
	return nil
}
