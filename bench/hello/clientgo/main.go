// Hello prints a project's pipelines and their jobs with GitLab's own client.
package main

import (
	"fmt"
	"log"
	"os"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"
)

func main() {
	client, err := gitlab.NewClient(os.Getenv("GITLAB_TOKEN"), gitlab.WithBaseURL(os.Getenv("GITLAB_URL")))
	if err != nil {
		log.Fatal(err)
	}
	pipelines := gitlab.Scan2(func(page gitlab.PaginationOptionFunc) ([]*gitlab.PipelineInfo, *gitlab.Response, error) {
		return client.Pipelines.ListProjectPipelines("group/app", nil, page)
	})
	for pipeline, err := range pipelines {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(pipeline.ID, pipeline.Ref, pipeline.Status)
		jobs := gitlab.Scan2(func(page gitlab.PaginationOptionFunc) ([]*gitlab.Job, *gitlab.Response, error) {
			return client.Jobs.ListPipelineJobs("group/app", pipeline.ID, nil, page)
		})
		for job, err := range jobs {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(" ", job.ID, job.Name, job.Status)
		}
	}
}
