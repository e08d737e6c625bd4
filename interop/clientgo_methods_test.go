package interop_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

// What a newer release of the client adds to its pipelines and jobs is to be
// driven too.
func TestOfficialMethodsAreAllDriven(t *testing.T) {
	files, err := filepath.Glob("clientgo_*_test.go")
	require.NoError(t, err)
	var code strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		code.Write(text)
	}
	for _, service := range []reflect.Type{
		reflect.TypeFor[gitlab.PipelinesServiceInterface](), reflect.TypeFor[gitlab.JobsServiceInterface](),
	} {
		require.Positive(t, service.NumMethod())
		for method := range service.Methods() {
			require.True(t, strings.Contains(code.String(), "."+method.Name+"("), "%v.%s", service, method.Name)
		}
	}
}
