package gitlabci

import (
	"fmt"
	"log/slog"

	"example.com/gitlabci/internal/secret"
)

// What follows keeps values that can be secrets out of what fmt and log/slog print of
// options and variables. What is sent, and encoding/json, has them.

// redactedText is how a text that can be a secret is printed.
func redactedText(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprint(secret.New(""))
}

// redactedPointer does not show where the text is either.
func redactedPointer(text *string) *string {
	if text == nil {
		return nil
	}
	return new(redactedText(*text))
}

// logged is how log/slog writes options, whichever the handler.
func logged(options any) slog.Value { return slog.StringValue(fmt.Sprintf("%+v", options)) }

// Format prints the variable without its value.
func (v Variable) Format(f fmt.State, verb rune) {
	v.Value = redactedText(v.Value)
	type plain Variable // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(v))
}

// LogValue is what log/slog writes.
func (v Variable) LogValue() slog.Value { return logged(v) }

// Format prints the variable without its value.
func (v CIVariable) Format(f fmt.State, verb rune) {
	v.Value = redactedText(v.Value)
	type plain CIVariable // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(v))
}

// LogValue is what log/slog writes.
func (v CIVariable) LogValue() slog.Value { return logged(v) }

// LogValue is what log/slog writes.
func (o CreatePipelineOptions) LogValue() slog.Value { return logged(o) }

// LogValue is what log/slog writes.
func (o TriggerPipelineOptions) LogValue() slog.Value { return logged(o) }

// LogValue is what log/slog writes.
func (o PlayJobOptions) LogValue() slog.Value { return logged(o) }

// Format prints the options without the token.
func (o RunOptions) Format(f fmt.State, verb rune) {
	o.TriggerToken = redactedText(o.TriggerToken)
	type plain RunOptions // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

// LogValue is what log/slog writes.
func (o RunOptions) LogValue() slog.Value { return logged(o) }

// Format prints the options without the secrets.
func (o SendOptions) Format(f fmt.State, verb rune) {
	if len(o.Secrets) > 0 {
		o.Secrets = []string{redactedText(o.Secrets[0])}
	}
	type plain SendOptions // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

// LogValue is what log/slog writes.
func (o SendOptions) LogValue() slog.Value { return logged(o) }

// Format prints the header or the variable without its value.
func (v WebhookValue) Format(f fmt.State, verb rune) {
	v.Value = redactedText(v.Value)
	type plain WebhookValue // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(v))
}

// LogValue is what log/slog writes.
func (v WebhookValue) LogValue() slog.Value { return logged(v) }

// Format prints the options without the tokens.
func (o WebhookOptions) Format(f fmt.State, verb rune) {
	o.Token, o.SigningToken = redactedPointer(o.Token), redactedPointer(o.SigningToken)
	type plain WebhookOptions // which has no Format
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}

// LogValue is what log/slog writes.
func (o WebhookOptions) LogValue() slog.Value { return logged(o) }
