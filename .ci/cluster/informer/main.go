// A client like a controller. It reads a request a line, such as {"load": {}} or {"watch": true}, and prints a number: of
// ConfigMaps that its informer has seen if it has to watch, else of nodes, or an HTTP status.
package main

import (
	"bufio"
	"context"
	"encoding/json"
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
		var request struct {
			Load  map[string]string
			Watch bool
		}
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			panic(err)
		}
		if request.Load != nil {
			client = load()
		}
		if !request.Watch {
			fmt.Println(list(client))
			continue
		}
		if informer == nil {
			informer = watch(client)
		}
		fmt.Println(len(informer.GetStore().List()))
	}
}

func watch(client *kubernetes.Clientset) cache.SharedIndexInformer {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace("default"))
	informer := factory.Core().V1().ConfigMaps().Informer()
	factory.Start(context.Background().Done())
	factory.WaitForCacheSync(context.Background().Done())
	return informer
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
