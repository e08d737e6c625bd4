// Hello prints a project's pipelines and their jobs with what Go brings along,
// and with no more care than that takes.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

type thing struct {
	ID                int64
	Name, Ref, Status string
}

func main() {
	const project = "/api/v4/projects/group%2Fapp/pipelines"
	for _, pipeline := range list(project) {
		fmt.Println(pipeline.ID, pipeline.Ref, pipeline.Status)
		for _, job := range list(fmt.Sprint(project, "/", pipeline.ID, "/jobs")) {
			fmt.Println(" ", job.ID, job.Name, job.Status)
		}
	}
}

// list returns the first page of a list.
func list(path string) []thing {
	req, err := http.NewRequest(http.MethodGet, os.Getenv("GITLAB_URL")+path, nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("PRIVATE-TOKEN", os.Getenv("GITLAB_TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		log.Fatal(resp.Status)
	}
	var page []thing
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		log.Fatal(err)
	}
	return page
}
