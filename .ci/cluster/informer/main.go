// A client like a controller. It reads a command a line and prints a number: "load" and "list" the number of nodes or
// an HTTP status, "watch" and "watched" the number of ConfigMaps that an informer has seen.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	api "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	var client *kubernetes.Clientset
	var informer cache.SharedIndexInformer
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "load":
			client = load()
			fmt.Println(list(client))
		case "list":
			fmt.Println(list(client))
		case "watch":
			factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace("default"))
			informer = factory.Core().V1().ConfigMaps().Informer()
			factory.Start(context.Background().Done())
			factory.WaitForCacheSync(context.Background().Done())
			fmt.Println(len(informer.GetStore().List()))
		case "watched":
			fmt.Println(len(informer.GetStore().List()))
		}
	}
}

func load() *kubernetes.Clientset {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		panic(err)
	}
	return kubernetes.NewForConfigOrDie(config)
}

func list(client *kubernetes.Clientset) int {
	nodes, err := client.CoreV1().Nodes().List(context.Background(), meta.ListOptions{})
	var status api.APIStatus
	if errors.As(err, &status) {
		return int(status.Status().Code)
	}
	if err != nil {
		panic(err)
	}
	return len(nodes.Items)
}
