package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const introduction = `# Endpoints

The endpoints of GitLab's API that the services call, linked to the sections of GitLab's
documentation. Call any other endpoint with ` + "`Fetch`, `FetchPage`, `FetchAll` or `Send`" + `,
GraphQL with ` + "`GraphQL`" + `, and anything else with ` + "`Client.Do`" + `.

This page is made by ` + "`go run ./tools/endpoints`" + ` from the comments of the methods.
`

// A method that calls more endpoints than these has a row of its own.
const few = 2

// write returns the page: a table for each service, and then the methods that call many
// endpoints.
func write(methods []method) []byte {
	var page bytes.Buffer
	page.WriteString(introduction)
	service := ""
	for _, row := range rows(methods) {
		if row.service != service {
			service = row.service
			fmt.Fprintf(&page, "\n## %s\n\n| endpoint | methods |\n|---|---|\n", service)
		}
		fmt.Fprintf(&page, "| %s | %s |\n", linked(row.endpoint, row.section), strings.Join(row.methods, ", "))
	}
	page.WriteString("\n## Methods that call more endpoints\n\n| method | what it does | endpoints |\n|---|---|---|\n")
	for _, m := range methods {
		if len(m.endpoints) > few {
			name := linked(m.service+"."+m.name, m.section)
			fmt.Fprintf(&page, "| %s | %s | `%s` |\n", name, m.does, strings.Join(m.endpoints, "`, `"))
		}
	}
	return page.Bytes()
}

// linked is a name in a monospaced font, linked to a section if there is one.
func linked(name, section string) string {
	if section == "" {
		return "`" + name + "`"
	}
	return "[`" + name + "`](" + section + ")"
}

// A row is an endpoint with the methods of a service that call it, and few others.
type row struct {
	service, endpoint, section string
	methods                    []string
}

func rows(methods []method) []*row {
	var all []*row
	own := ownSections(methods)
	for _, m := range methods {
		if len(m.endpoints) > few {
			continue
		}
		for _, endpoint := range m.endpoints {
			at := slices.IndexFunc(all, func(r *row) bool { return r.service == m.service && r.endpoint == endpoint })
			if at < 0 {
				at = len(all)
				all = append(all, &row{service: m.service, endpoint: endpoint, section: cmp.Or(own[endpoint], m.section)})
			}
			all[at].methods = append(all[at].methods, "`"+m.name+"`")
		}
	}
	slices.SortStableFunc(all, func(a, b *row) int {
		if a.service != b.service {
			return strings.Compare(a.service, b.service)
		}
		return compareEndpoints(a.endpoint, b.endpoint)
	})
	return all
}

// ownSections are the sections of the endpoints that a method calls alone. That of a method
// that calls several is about one of them, and not always the one of a row.
func ownSections(methods []method) map[string]string {
	sections := map[string]string{}
	for _, m := range methods {
		if len(m.endpoints) == 1 && sections[m.endpoints[0]] == "" {
			sections[m.endpoints[0]] = m.section
		}
	}
	return sections
}

// compareEndpoints orders by path, and then reads before writes.
func compareEndpoints(a, b string) int {
	verbA, pathA, _ := strings.Cut(a, " ")
	verbB, pathB, _ := strings.Cut(b, " ")
	if pathA != pathB {
		return strings.Compare(pathA, pathB)
	}
	verbs := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	return slices.Index(verbs, verbA) - slices.Index(verbs, verbB)
}
