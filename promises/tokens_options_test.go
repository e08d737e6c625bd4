package promises_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

// The fields whose values can be secrets, in all options.
var secretFields = []string{"Value", "Token", "SigningToken", "TriggerToken", "Secrets", "RequestData", "Password"}

// fillSecrets sets these fields, and makes what they are in. It returns how many there are.
func fillSecrets(v reflect.Value, name string, depth int) (n int) {
	isSecret := slices.Contains(secretFields, name)
	switch {
	case depth > 8 || !v.CanSet():
	case v.Kind() == reflect.String && isSecret:
		v.SetString(secretVariable)
		return 1
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fillSecrets(v.Elem(), name, depth+1)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return fillSecrets(v.Index(0), name, depth+1)
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[gitlabci.CustomAttribute](): // of a user, for all to see
		for i := range v.NumField() {
			n += fillSecrets(v.Field(i), v.Type().Field(i).Name, depth+1)
		}
	}
	return n
}

// serviceTypes are what the methods of the services take and return, and others that can
// have secrets.
func serviceTypes() []reflect.Type {
	types := []reflect.Type{reflect.TypeFor[gitlabci.SendOptions](), reflect.TypeFor[gitlabci.Variable](), reflect.TypeFor[gitlabci.WebhookValue]()}
	client := reflect.TypeFor[gitlabci.Client]()
	for field := range client.Fields() {
		for method := range field.Type.Methods() {
			for in := range method.Type.Ins() {
				types = append(types, in)
			}
			for out := range method.Type.Outs() {
				if out.Kind() == reflect.Func && out.NumIn() == 1 && out.In(0).Kind() == reflect.Func { // a list
					out = out.In(0).In(0)
				}
				types = append(types, out)
			}
		}
	}
	slices.SortFunc(types, func(a, b reflect.Type) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(types)
}

// No argument and no result of a method prints a value that can be a secret.
func TestEveryValueIsPrintedWithoutSecrets(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, of := range serviceTypes() {
		value := reflect.New(of).Elem()
		if fillSecrets(value, "", 0) == 0 {
			continue
		}
		found[strings.TrimPrefix(of.String(), "*")] = true
		for _, one := range []any{value.Interface(), reflect.Indirect(value).Interface()} {
			var prints secretPrints
			fmt.Fprintf(&prints, "%v %+v %#v", one, one, one)
			handlers := prints.handlers()
			if !strings.HasSuffix(of.String(), "Options") {
				handlers = handlers[:1] // that of JSON writes what is read from JSON
			}
			for _, handler := range handlers {
				slog.New(handler).Info("printed", "value", one)
			}
			prints.check(t, of.String())
		}
	}
	for _, name := range []string{"Trigger", "Variable", "CreatePipelineOptions", "PlayJobOptions", "RunOptions", "SendOptions", "TriggerPipelineOptions", "WebhookEvent", "WebhookOptions", "WebhookValue"} {
		require.True(t, found["gitlabci."+name], "%s in %v", name, found)
	}
}

// Other values are printed as without these methods, and the options do not change.
func TestOptionsArePrintedWithoutSecrets(t *testing.T) {
	t.Parallel()
	variables := []*gitlabci.Variable{{Key: "A", Value: secretVariable}, {Key: "B"}}
	require.Equal(t, "{A [REDACTED]  false} {B   false}", fmt.Sprintf("%v %v", variables[0], *variables[1]))
	require.Equal(t, "{Key:A Value:[REDACTED]}", fmt.Sprintf("%+v", gitlabci.WebhookValue{Key: "A", Value: secretVariable}))
	require.Equal(t, "{Repeatable:true Secrets:[[REDACTED]]}", fmt.Sprintf("%+v", gitlabci.SendOptions{Repeatable: true, Secrets: []string{secretVariable, secretLine}}))
	opts := &gitlabci.WebhookOptions{URL: "https://a.example/", Token: new(secretToken), URLVariables: []gitlabci.WebhookValue{{Key: "B", Value: secretLine}}}
	require.Contains(t, fmt.Sprintf("%+v", opts), "URLVariables:[{Key:B Value:[REDACTED]}]")
	require.Equal(t, []string{secretToken, secretLine, secretVariable}, []string{*opts.Token, opts.URLVariables[0].Value, variables[0].Value})
	sent, err := json.Marshal(opts)
	require.NoError(t, err)
	require.Contains(t, string(sent), secretLine)
}
