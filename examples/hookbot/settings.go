package main

import (
	"flag"
	"io"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/examples/internal/console"
	"example.com/gitlabci/webhook"
)

// settings are what flags, arguments and variables say.
type settings struct {
	listen, state, name string
	lookback, drain     time.Duration
	demo                bool
	projects            []gitlabci.ProjectID
	verifier            *webhook.Verifier
}

// parse reads the settings. For -h it writes to out and returns [flag.ErrHelp].
func parse(args []string, getenv func(string) string, out io.Writer) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("hookbot", flag.ContinueOnError)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:9000", "`address` to receive webhooks on")
	flags.StringVar(&s.state, "state", "hookbot.json", "`file` that says what was handled")
	flags.StringVar(&s.name, "name", "hookbot", "`name` of the commit status")
	flags.DurationVar(&s.lookback, "lookback", time.Hour, "how far to look back in a project that is new")
	flags.DurationVar(&s.drain, "drain", 30*time.Second, "how long the work that has begun may take after a signal")
	flags.BoolVar(&s.demo, "demo", false, "show what the bot does, on a fake GitLab")
	if err := console.Parse(flags, usage, args, out); err != nil || s.demo {
		return s, err
	}
	return s, s.complete(flags.Args(), getenv)
}

// complete reads what the flags do not have.
func (s *settings) complete(args []string, getenv func(string) string) error {
	if len(args) == 0 {
		return console.Usage("name the projects, such as group/app")
	}
	for _, project := range args {
		s.projects = append(s.projects, gitlabci.ProjectID(project))
	}
	var options []webhook.Option
	for token := range strings.FieldsSeq(getenv("HOOKBOT_SIGNING_TOKEN")) {
		options = append(options, webhook.SigningToken(token))
	}
	for token := range strings.FieldsSeq(getenv("HOOKBOT_SECRET_TOKEN")) {
		options = append(options, webhook.SecretToken(token))
	}
	if len(options) == 0 {
		return console.Usage("HOOKBOT_SIGNING_TOKEN and HOOKBOT_SECRET_TOKEN are empty")
	}
	var err error
	if s.verifier, err = webhook.NewVerifier(options...); err != nil {
		return console.Usage("%w", err)
	}
	return nil
}
