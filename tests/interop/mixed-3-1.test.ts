import { mixedCluster } from "./mixed-suite.js";

mixedCluster("3 Go and 1 ours", ["smartbft-go", "testbed", "smartbft-go", "smartbft-go"]);
