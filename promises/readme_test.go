package promises_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci/internal/testkit"
)

// The bot of README.md is the one that is tried, and is short.
func TestReadmeBot(t *testing.T) {
	page, err := os.ReadFile(testkit.ModuleFile(t, "README.md"))
	require.NoError(t, err)
	source, err := os.ReadFile(testkit.ModuleFile(t, "example_bot_test.go"))
	require.NoError(t, err)
	_, bot, found := strings.Cut(string(source), "// nightly is the bot of README.md.\n")
	require.True(t, found)
	require.Contains(t, string(page), "```go\n"+bot+"```\n")
	require.Less(t, strings.Count(bot, "\n"), 40)
}
