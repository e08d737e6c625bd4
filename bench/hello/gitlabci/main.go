// Hello prints a project's pipelines and their jobs with gitlabci.
package main

import (
	"context"
	"fmt"
	"log"

	"example.com/gitlabci"
)

func main() {
	client, err := gitlabci.NewClientFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for pipeline, err := range client.Pipelines.All(ctx, "group/app", nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(pipeline.ID, pipeline.Ref, pipeline.Status)
		for job, err := range client.Jobs.AllForPipeline(ctx, "group/app", pipeline.ID, nil) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(" ", job.ID, job.Name, job.Status)
		}
	}
}
