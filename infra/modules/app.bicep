metadata description = 'The plan, the app and every setting it is told.'

param name string
param location string
param tags object

@description('The identity: its resource id and its client id.')
param identityId string
param identityClientId string

@description('The account of the Functions host, and the container of its packages.')
param hostStorageName string
param packagesUrl string

@description('Where Kontext keeps what it knows.')
param tableUrl string
param auditUrl string

@description('Background work: the one that is used, the other empty.')
param queueUrl string
param serviceBusHost string

@description('The vaults\' addresses; secrets that settings refer to are in the first.')
param vaultUris string[]

param insightsConnectionString string

@description('The subnet to reach out from; empty for none.')
param subnetId string

@description('What the operator decides: see the parameters of main.bicep.')
param publicUrl string
param credentials string
param organization string
param signIn object
param organizations object
param providers object
param auditRetentionDays int
param trustedProxies int
param extraSettings object
param browserOrigins string[]
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyInstances int
param httpConcurrency int
param zoneRedundant bool
param updateStrategy string

// --- settings: docs/settings.md says what each is; a test compares the two ----------------------------------------------
// Names of a Linux app's settings have no hyphens, so slugs and providers have underscores in them.

func secretReference(vaultUri string, secret string) string =>
  empty(secret) ? '' : '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${secret})'

func signInSettings(prefix string, signIn object, vaultUri string) object => {
  '${prefix}__Issuer': signIn.issuer
  '${prefix}__ClientId': signIn.clientId
  '${prefix}__ClientSecret': secretReference(vaultUri, signIn.?clientSecretName ?? '')
  '${prefix}__Scopes': signIn.?scopes ?? ''
  '${prefix}__RolesClaim': signIn.?rolesClaim ?? ''
  '${prefix}__RoleMap': signIn.?roleMap ?? ''
  '${prefix}__RequiredClaims': signIn.?requiredClaims ?? ''
  '${prefix}__Administrators': signIn.?administrators ?? ''
}

func organizationSettings(slug string, organization object, vaultUri string) object => union(
  { 'Kontext__Organizations__${slug}__Name': organization.?name ?? slug },
  signInSettings('Kontext__Organizations__${slug}__SignIn', organization.signIn, vaultUri)
)

func providerSettings(key string, provider object, vaultUri string) object => {
  'Providers__${key}__ClientId': provider.clientId
  'Providers__${key}__ClientSecret': secretReference(vaultUri, provider.?clientSecretName ?? '')
}

var hostSettings = {
  AzureWebJobsStorage__accountName: hostStorageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  // Without it the host answers / itself.
  AzureWebJobsDisableHomepage: 'true'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  // Which identity the program's own calls to Azure are made as.
  AZURE_CLIENT_ID: identityClientId
}

var serviceBusSettings = {
  KontextServiceBus__fullyQualifiedNamespace: serviceBusHost
  KontextServiceBus__credential: 'managedidentity'
  KontextServiceBus__clientId: identityClientId
}

var queueSettings = {
  KontextQueue__queueServiceUri: queueUrl
  KontextQueue__credential: 'managedidentity'
  KontextQueue__clientId: identityClientId
}

var kontextSettings = {
  Kontext__PublicUrl: publicUrl
  Kontext__Storage: tableUrl
  Kontext__KeyVault: join(vaultUris, ',')
  Kontext__Credentials: credentials
  Kontext__Organization: organization
  Kontext__AllowPrivateUpstreams: 'false'
  Kontext__DPoPNonceRequired: 'false'
  Kontext__SigningKeys__RotateEveryDays: '90'
  Kontext__SigningKeys__CacheSeconds: '300'
  Kontext__Validation__StaleAfterDays: '7'
  Kontext__Audit__RetentionDays: auditRetentionDays == 0 ? '' : string(auditRetentionDays)
  Kontext__Audit__Archive: auditUrl
  Kontext__Limits__FailuresPerMinute: '300'
  Kontext__Limits__CreationsPerMinute: '600'
  Kontext__TrustedProxies: string(trustedProxies)
  Kontext__LogFormat: 'json'
}

// Empty: as the program has it. extraSettings says otherwise.
var callSettings = {
  Kontext__Limits__ConcurrentRequests: ''
  Kontext__Limits__ApiRequestsPerMinute: ''
  Kontext__Limits__CallsPerMinuteAndAgent: ''
  Kontext__Limits__CallsPerMinuteAndPerson: ''
  Kontext__Limits__ConcurrentCallsPerAgent: ''
  Kontext__Limits__ConcurrentCallsPerPerson: ''
  Kontext__Limits__StreamsPerAgent: ''
  Kontext__Limits__StreamsPerPerson: ''
  Kontext__Limits__CallSeconds: ''
  Kontext__Limits__ProxyCallSeconds: ''
  Kontext__Limits__SilenceSeconds: ''
  Kontext__Limits__WaitSeconds: ''
  Kontext__Limits__WaitingCalls: ''
  Kontext__Limits__MessageBytes: ''
  Kontext__Limits__ProxyBodyBytes: ''
}

// The host cannot start a function whose connection is missing.
var switches = {
  'AzureWebJobs.fn_bus_work.Disabled': empty(serviceBusHost) ? 'true' : 'false'
  'AzureWebJobs.fn_bus_dead.Disabled': empty(serviceBusHost) ? 'true' : 'false'
  'AzureWebJobs.fn_queue_work.Disabled': empty(queueUrl) ? 'true' : 'false'
  'AzureWebJobs.fn_queue_poison.Disabled': empty(queueUrl) ? 'true' : 'false'
}

var settings = union(
  hostSettings,
  kontextSettings,
  callSettings,
  switches,
  empty(serviceBusHost) ? {} : serviceBusSettings,
  empty(queueUrl) ? {} : queueSettings,
  signInSettings('Kontext__SignIn', signIn, vaultUris[0]),
  reduce(items(organizations), {}, (all, item) => union(all, organizationSettings(replace(item.key, '-', '_'), item.value, vaultUris[0]))),
  reduce(items(providers), {}, (all, item) => union(all, providerSettings(replace(item.key, '-', '_'), item.value, vaultUris[0]))),
  extraSettings
)

// --- the app ---------------------------------------------------------------------------------------------------------

resource plan 'Microsoft.Web/serverfarms@2025-05-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-05-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      // The front end answers preflight requests itself and never passes them on: without this, no client in a browser.
      cors: {
        allowedOrigins: browserOrigins
        supportCredentials: false
      }
      appSettings: map(items(settings), item => { name: item.key, value: item.value })
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packagesUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'custom'
        version: '1.0'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyInstances == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyInstances
          }
        ]
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
      }
      siteUpdateStrategy: {
        type: updateStrategy
      }
    }
  }
}

// Publishing goes through Entra ID, never by a password.
resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-05-01' = [for kind in ['ftp', 'scm']: {
  parent: app
  name: kind
  properties: {
    allow: false
  }
}]

output name string = app.name
