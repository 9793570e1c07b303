metadata description = 'A key vault: credentials or the keys that encrypt them, and the secrets that settings refer to.'

param name string
param location string
param tags object

@description('The app: it writes, reads and deletes secrets.')
param principalId string

@description('Object ids of people or groups who may do the same, to put in the secrets that settings refer to.')
param operators string[]

@description('Only through private endpoints.')
param private bool

@description('Bring back the vault of this name, which was deleted within 90 days.')
param recover bool

@description('A secret to put in; empty leaves what is there.')
param secretName string
@secure()
param secretValue string

@description('Logs go here.')
param workspaceId string

@description('Nobody deletes the vault by mistake.')
param lock bool

var keyVaultSecretsOfficer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    createMode: recover ? 'recover' : 'default'
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

resource guard 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  scope: vault
  name: 'kontext-vault'
  properties: {
    level: 'CanNotDelete'
    notes: 'Without this vault no credential can be opened.'
  }
}

resource app 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, principalId, keyVaultSecretsOfficer)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsOfficer)
  }
}

resource people 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for operator in operators: {
  scope: vault
  name: guid(vault.id, operator, keyVaultSecretsOfficer)
  properties: {
    principalId: operator
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsOfficer)
  }
}]

resource secret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = if (!empty(secretName) && !empty(secretValue)) {
  parent: vault
  name: empty(secretName) ? 'unused' : secretName
  properties: {
    value: secretValue
  }
}

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'kontext'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}
