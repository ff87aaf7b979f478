import { mixedCluster } from "./mixed-suite.js";

mixedCluster("2 Go and 2 ours", ["smartbft-go", "testbed", "smartbft-go", "testbed"]);
