package joblog

// Shells.
var shellFamily = family{
	facts: []fact{
		{tool: "shell", weight: message, words: []string{"command not found"}, match: `: command not found$|^command not found: `},
		{tool: "shell", weight: message, words: []string{"not found"}, match: `^(?:\S+: )*(?:line )?\d+: (?:\S+: )*not found$`},
	},
}
